"""``songbloom export``: a model for other programs, each export checked by the song that it makes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from songbloom_x2.cli.settings_flags import add_config_flag, add_models_dir_flag, settings_of
from songbloom_x2.errors import ConfigError
from songbloom_x2.settings.folders import models_folder

if TYPE_CHECKING:
    from songbloom_x2.checkpoints.native import Storage
    from songbloom_x2.export.run import Kind

EPILOG = """\
examples:
  songbloom export onnx --out output/onnx
  songbloom export quantized --out output/int8
  songbloom export torchscript --model models/songbloom_full_150s --out output/script
  songbloom export safetensors --dtype bf16 --out output/bf16
  songbloom export info output/onnx
"""
_GRAPHS = MappingProxyType(
    {
        "onnx": "graphs that onnxruntime runs (songbloom generate --backend onnx, examples/onnx_runner.py)",
        "quantized": "the same with the weights of matrix products in 8 bits",
        "torchscript": "graphs that torch.jit.load reads",
    }
)
_TYPES = MappingProxyType({"f32": "float32", "bf16": "bfloat16", "f16": "float16"})


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``export`` with its commands."""
    parser = subparsers.add_parser(
        "export",
        help="write a model for other programs: ONNX, TorchScript, 8-bit, plain weights",
        description="Export a model. A fresh process loads what was written and makes a song with recorded random "
        "numbers; where it is not the song that the model makes, the export fails with exit code 2.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    for kind, told in _GRAPHS.items():
        one = commands.add_parser(kind, help=told, epilog=f"example: songbloom export {kind} --out output/{kind}")
        _add_flags(one)
        one.set_defaults(func=run_graphs, kind=kind)
    weights = commands.add_parser(
        "safetensors",
        help="the weights alone, as a model's folder",
        epilog="example: songbloom export safetensors --dtype bf16 --out output/bf16",
    )
    _add_flags(weights)
    weights.add_argument(
        "--dtype",
        choices=[*_TYPES, *_TYPES.values()],
        default="float32",
        help="of everything but the codec (default float32)",
    )
    weights.set_defaults(func=run_weights)
    info = commands.add_parser(
        "info",
        help="configuration, parameters by part, bytes by precision and checksums, as JSON",
        epilog="example: songbloom export info embedded",
    )
    info.add_argument("model", nargs="?", default=None, metavar="NAME|DIR", help="a model, or an export's folder")
    add_models_dir_flag(info)
    add_config_flag(info)
    info.set_defaults(func=run_info)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--model", default=argparse.SUPPRESS, metavar="NAME|DIR", help="(default: config show)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="length of the song that it is checked with (default 10)",
    )
    add_models_dir_flag(parser)
    add_config_flag(parser)


def run_graphs(args: argparse.Namespace) -> int:
    """Export and check; what was found is printed as JSON."""
    from songbloom_x2.export.run import export_graphs

    model, folder = _model(args)
    found = export_graphs(cast("Kind", args.kind), model, args.out, _seconds(args), folder)
    return _told(args.out, found)


def run_weights(args: argparse.Namespace) -> int:
    """Write the weights and check them."""
    from songbloom_x2.export.run import export_weights

    storage = cast("Storage", _TYPES.get(args.dtype, args.dtype))
    model, folder = _model(args)
    return _told(args.out, export_weights(storage, model, args.out, _seconds(args), folder))


def run_info(args: argparse.Namespace) -> int:
    """Print one JSON object."""
    from songbloom_x2.export.run import describe_export

    settings = settings_of(args)
    folder = models_folder(settings["models.folder"], os.environ)
    print(json.dumps(describe_export(args.model or settings["models.default"], folder), ensure_ascii=False, indent=2))
    return 0


def _model(args: argparse.Namespace) -> tuple[str, Path]:
    settings = settings_of(args)
    return settings["models.default"], models_folder(settings["models.folder"], os.environ)


def _seconds(args: argparse.Namespace) -> float:
    if not 0 < args.seconds <= 600:
        raise ConfigError(f"--seconds {args.seconds:g}: must be more than 0 and at most 600")
    return float(args.seconds)


def _told(out: Path, found: dict[str, Any]) -> int:
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: written and checked, {size / 1e6:.1f} MB", file=sys.stderr)
    print(json.dumps({"out": str(out), "bytes": size, "check": found}))
    return 0
