"""``songbloom bench``: how fast songs are made on this machine, in how much memory; beside the peer if wanted."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songbloom_x2.bench.run import Asked

EPILOG = """\
examples:
  songbloom bench
  songbloom bench --size small --configs baseline_fp32,memory_int8,fast --seconds 5
  songbloom bench --setup-peer ~/peer
  songbloom bench --size small --against peer --peer-python ~/peer/bin/python --seconds 5 --json
  songbloom bench --configs "quantise=int8,steps=8" --trace traces
  songbloom bench --quality
  songbloom bench --configs baseline_fp32 --onnx output/onnx --onnx output/int8

Times are of LM and DiT; the codec's share stands apart. See docs/performance.md.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bench``."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed, memory and exactness on this machine",
        description="Make songs of fixed length in several configurations, each in a process of its own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--size", choices=("embedded", "small", "full"), default="embedded", help="(default embedded)")
    parser.add_argument("--seconds", type=float, default=10.24, metavar="S", help="length of the song (default 10.24)")
    parser.add_argument(
        "--configs", metavar="NAMES", help="by name, comma-separated; or settings as name=value,name=value (once)"
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="after a warm-up; medians (default 3)")
    parser.add_argument("--songs", type=int, default=1, metavar="K", help="side by side (default 1)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="(default auto)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument("--against", choices=("peer",), help="run the public package on the same random weights too")
    parser.add_argument(
        "--peer-python", type=Path, metavar="FILE", help="its environment's Python (default: $SONGBLOOM_PEER_PYTHON)"
    )
    parser.add_argument(
        "--peer-precision",
        choices=("auto", "both", "float32", "bfloat16"),
        default="auto",
        help="its number formats; auto: float32, and bfloat16 where this machine has it (default auto)",
    )
    parser.add_argument("--setup-peer", type=Path, metavar="DIR", help="make that environment and stop")
    parser.add_argument(
        "--onnx",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="an export of songbloom export onnx or quantized beside them, without torch",
    )
    parser.add_argument("--quality", action="store_true", help="how far quantised and half precision are from float32")
    parser.add_argument("--trace", type=Path, metavar="DIR", help="the profiler's trace of one block of each")
    parser.add_argument("--log", type=Path, metavar="FILE.jsonl", help="append the answer with time and versions")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the table")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Measure. Raises ``SongBloomError`` where something cannot be measured here."""
    from songbloom_x2.bench import peer, quality
    from songbloom_x2.bench.report import append_log, as_json, table
    from songbloom_x2.bench.run import run as measure

    if args.setup_peer is not None:
        print(peer.set_up(args.setup_peer))
        return 0
    asked = _asked(args)
    if args.trace is not None:
        args.trace.mkdir(parents=True, exist_ok=True)

    def told(what: str) -> None:
        print(f"{what} ...", file=sys.stderr, flush=True)

    found = quality.run(asked, told) if args.quality else measure(asked, told)
    results = found.pop("results") + _exported(args, told)
    answer = as_json(results, {"size": args.size, "seconds": args.seconds, **found})
    if args.log is not None:
        append_log(args.log, answer)
    if args.json:
        print(json.dumps(answer))
        return 0
    print(quality.table(results) if args.quality else table(results))
    for name, value in found.items():
        print(f"{name.replace('_', ' ')}: {json.dumps(value)}")
    return 0


def _exported(args: argparse.Namespace, told: Callable[[str], None]) -> list[dict[str, Any]]:
    """What ``--onnx`` asks for. Raises ``ConfigError``, ``CheckpointError``."""
    import os

    from songbloom_x2.bench.exported import ExportedCase, in_own_process

    found = []
    for folder in args.onnx:
        told(f"{folder}")
        case = ExportedCase(str(folder), args.seconds, args.runs, args.threads or os.cpu_count() or 1)
        found.append(in_own_process(case))
    return found


def _asked(args: argparse.Namespace) -> Asked:
    import os

    from songbloom_x2.bench.configurations import DEFAULT, IN_BFLOAT16
    from songbloom_x2.bench.quality import DEFAULT as COMPARED
    from songbloom_x2.bench.run import Asked, no_bfloat16
    from songbloom_x2.errors import ConfigError

    if not 0 < args.seconds <= 600:
        raise ConfigError(f"seconds {args.seconds:g}: give a length from 0.64 to 600")
    if args.onnx and args.quality:
        raise ConfigError(
            "--onnx: --quality compares torch's configurations; songbloom export says how exact exports are"
        )
    if not 1 <= args.runs <= 1000 or not 1 <= args.songs <= 1000:
        raise ConfigError(f"runs {args.runs}, songs {args.songs}: give numbers from 1 to 1000")
    python = None
    if args.against is not None:
        named = args.peer_python or os.environ.get("SONGBLOOM_PEER_PYTHON")
        if named is None:
            raise ConfigError(
                "--against peer: where is its environment? songbloom bench --setup-peer DIR makes it (with pip); then "
                "--peer-python DIR/bin/python or SONGBLOOM_PEER_PYTHON=DIR/bin/python"
            )
        python = Path(named)
        if not python.is_file():
            raise ConfigError(f"--peer-python {python}: no such file; songbloom bench --setup-peer DIR makes it")
    default: tuple[str, ...] = COMPARED if args.quality else DEFAULT
    slow = () if args.configs is not None or args.quality or no_bfloat16(args.device) is None else IN_BFLOAT16
    default = tuple(name for name in default if name not in slow)
    names = default if args.configs is None else [args.configs] if "=" in args.configs else args.configs.split(",")
    precisions = {"auto": None, "both": ("float32", "bfloat16")}.get(args.peer_precision, (args.peer_precision,))
    return Asked(
        size=args.size,
        seconds=args.seconds,
        configurations=names,
        runs=args.runs,
        songs=args.songs,
        threads=args.threads,
        device=args.device,
        peer=python,
        peer_precisions=precisions,
        trace=args.trace,
        left_out=slow,
    )
