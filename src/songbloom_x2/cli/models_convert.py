"""``songbloom models convert``: a released model in our own format, one mapped file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from songbloom_x2.errors import CheckpointError

if TYPE_CHECKING:
    from songbloom_x2.checkpoints.native import Storage

_TYPES = MappingProxyType({"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"})
EPILOG = """\
examples:
  songbloom models convert models/songbloom_full_150s --out models/150s-bf16 --dtype bf16
  songbloom models convert tests/golden/edges --out output/edges
  songbloom models convert src/songbloom_x2/assets/embedded --out output/small --quantise int8
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``convert`` to the ``models`` commands."""
    parser = subparsers.add_parser(
        "convert",
        help="write a released model in our own format",
        description="Join a released model's files into model.safetensors and config.json. The codec stays float32.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="the folder of a released model (or its YAML); of one of our own with --quantise",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument(
        "--dtype", choices=[*_TYPES, *_TYPES.values()], default="float32", help="of LM and DiT (default float32)"
    )
    parser.add_argument(
        "--quantise",
        choices=("int8", "int4"),
        help="store the large weights of LM and DiT in 8 or 4 bits: loaded without ever being whole",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Convert. Raises ``CheckpointError`` where files are not sound or nothing can be written."""
    from songbloom_x2.checkpoints.convert import convert
    from songbloom_x2.cli.outputs import OutputFolders

    dtype = cast("Storage", _TYPES.get(args.dtype, args.dtype))
    with OutputFolders([args.out]):
        try:
            convert(args.folder, args.out, dtype=dtype, quantised=args.quantise)
        except OSError as error:
            raise CheckpointError(f"{args.out}: cannot be written: {error.strerror}; choose another place") from None
    what = dtype if args.quantise is None else f"large weights in {args.quantise}"
    print(f"{args.out}: written, {what}", file=sys.stderr)
    return 0
