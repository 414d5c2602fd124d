"""``songbloom vary``: other takes of a song."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import get_args

from songbloom_x2.cli.edit_flags import made_json, told_of
from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import AudioFormatName
from songbloom_x2.errors import ConfigError

EPILOG = """\
examples:
  songbloom vary song.flac --seed 8 --n 3 --out "takes/{i}.flac"
  songbloom vary song.flac --keep-sketch --seed 2 --out again.flac
  songbloom vary song.flac --keep-blocks 12 --seed 3 --out another-end.flac
  songbloom vary song.flac --temperature 0.8 --out calmer.flac
"""
MOST = 64


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``vary``."""
    parser = subparsers.add_parser(
        "vary",
        help="another take of a song, with one thing changed",
        description="Other takes of a song. What is named changes, all else stays as the song was made.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    parser.add_argument("song", metavar="SONG", help="the song's file, with its .state.safetensors beside it")
    parser.add_argument("--seed", type=int, help="another seed; with --n the next ones count up (default: the song's)")
    parser.add_argument("--n", type=int, default=1, metavar="K", help=f"takes, 1 to {MOST} (default 1)")
    parser.add_argument("--temperature", type=float, metavar="T", help="how freely the sketch is drawn")
    parser.add_argument("--guidance", type=float, metavar="G", help="how closely the sound follows its condition")
    parser.add_argument(
        "--style-strength", type=float, metavar="S", help="1 as it is, less towards the mean of all styles, up to 2"
    )
    parser.add_argument("--keep-sketch", action="store_true", help="the same melody and words in time, rendered anew")
    parser.add_argument("--keep-blocks", type=int, default=0, metavar="K", help="the first K blocks stay as they are")
    parser.add_argument("--out", dest="new", type=Path, required=True, metavar="FILE", help="{i} stands for the number")
    parser.add_argument("--format", choices=get_args(AudioFormatName), default=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print what was made as JSON on stdout")
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_config_flag(machine)


def run(args: argparse.Namespace) -> int:
    """Make and write the takes."""
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.cli.outputs import OutputPlan
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.song_files import save_song
    from songbloom_x2.types import VariationRequest

    if not 1 <= args.n <= MOST:
        raise ConfigError(f"--n {args.n}: from 1 to {MOST} takes can be made at a time")
    if args.n > 1 and args.seed is None:
        raise ConfigError("--n: takes differ by their seed: give --seed, from which they count up")
    outputs = OutputPlan(args.new, getattr(args, "format", None), args.n)
    outputs.keep_apart_from([Path(args.song)])
    with outputs:
        pipeline = load_pipeline(settings_of(args), explain=False)
        lines = ProgressLines(args.n)
        saved = []
        try:
            for take in range(args.n):
                request = VariationRequest(
                    args.song,
                    None if args.seed is None else args.seed + take,
                    args.temperature,
                    args.guidance,
                    args.style_strength,
                    args.keep_sketch,
                    args.keep_blocks,
                )
                stream = pipeline.vary(request)
                for progress, _ in stream:
                    lines.progressed(take, progress)
                with held_back():
                    saved.append(save_song(stream.song, outputs.paths[take], format=outputs.format))
                lines.line(told_of(saved[-1]))
        finally:
            lines.close()
    if args.json:
        print(json.dumps({"songs": [made_json(song) for song in saved]}, ensure_ascii=False))
    return 0
