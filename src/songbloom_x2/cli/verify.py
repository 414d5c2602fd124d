"""``songbloom verify``: prove that this machine reproduces a model's golden files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What argparse hands out; it has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES = """examples:
  songbloom verify models/songbloom_full_150s
  songbloom verify tests/golden/edges --json
  songbloom verify models/songbloom_full_150s --device cuda --dtype float32

The exit code is 0 when everything that was recorded was reproduced, 1 when it was not or nothing could be compared,
2 when the model cannot be loaded. Tolerances are those of float32 on a CPU: other types show their distance, and fail.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``songbloom``."""
    parser = subparsers.add_parser(
        "verify",
        help="recompute a model's golden files and compare",
        description="Load a model, recompute every expected output of its NAME.golden.safetensors files, and compare.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the model's folder (or its YAML)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="cpu", help="default: cpu")
    parser.add_argument(
        "--dtype", choices=("auto", "float32", "bfloat16", "float16"), default="float32", help="default: float32"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Verify and print; 0 when the reference is reproduced, 1 when not. Raises ``SongBloomError`` for refusals."""
    import json

    from songbloom_x2.config import RuntimeConfig
    from songbloom_x2.verify import verify

    report = verify(
        args.folder, RuntimeConfig(device=args.device, precision=args.dtype, tf32=False, optimisation="minimal")
    )
    print(json.dumps(report.to_json(), ensure_ascii=False) if args.json else report.table())
    return 0 if report.ok else 1
