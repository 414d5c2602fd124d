"""``songbloom interpolate``: songs of one seed on the way from one style to another."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import get_args

from songbloom_x2.cli.edit_flags import made_json, seconds, told_of
from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import DEFAULT_MIX_METHOD, AudioFormatName, MixMethod
from songbloom_x2.request_checks import LARGEST_SEED

EPILOG = """\
examples:
  songbloom interpolate --lyrics @words.txt --styles rock-dawn soul-cora --steps 5 --out "steps/{i}.flac"
  songbloom interpolate --lyrics @words.txt --styles rock-dawn prompt.wav --steps 3 --spherical --seed 4 --out step.flac
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``interpolate``."""
    parser = subparsers.add_parser(
        "interpolate",
        help="songs on the way from one style to another",
        description="The same words and seed in so many steps from one style to another, both ends included.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    parser.add_argument("--lyrics", required=True, metavar="TEXT|@FILE", help="the words, or @FILE (@- reads stdin)")
    parser.add_argument("--styles", nargs=2, required=True, metavar="STYLE", help="where it begins, where it ends")
    parser.add_argument("--steps", type=int, default=5, metavar="N", help="songs (default %(default)s)")
    parser.add_argument("--spherical", action="store_true", help="on the sphere between the two, not on the line")
    parser.add_argument(
        "--method", choices=get_args(MixMethod), default=DEFAULT_MIX_METHOD, help="where they mix (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help=f"0 to {LARGEST_SEED}, the same for all (default 0)")
    parser.add_argument("--duration", type=seconds, metavar="S", help="seconds (default: the model ends by itself)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=12")
    parser.add_argument("--out", dest="new", type=Path, required=True, metavar="FILE", help="{i} stands for the number")
    parser.add_argument("--format", choices=get_args(AudioFormatName), default=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print what was made as JSON on stdout")
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_config_flag(machine)


def run(args: argparse.Namespace) -> int:
    """Make and write the songs."""
    from songbloom_x2.cli.edit_flags import sampling_of
    from songbloom_x2.cli.generate import read_lyrics
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.cli.outputs import OutputPlan
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.song_files import save_song
    from songbloom_x2.types import InterpolateRequest, SongRequest

    song = SongRequest(read_lyrics(args.lyrics), seed=args.seed, duration=args.duration, sampling=sampling_of(args))
    request = InterpolateRequest(song, args.styles[0], args.styles[1], args.steps, args.spherical, args.method)
    with OutputPlan(args.new, getattr(args, "format", None), max(args.steps, 1)) as outputs:
        pipeline = load_pipeline(settings_of(args), explain=False)
        lines = ProgressLines(args.steps)
        saved = []
        try:
            for number, made in pipeline.interpolate(request, lines):
                with held_back():
                    saved.append(save_song(made, outputs.paths[number], format=outputs.format))
                lines.line(told_of(saved[-1]))
        finally:
            lines.close()
    if args.json:
        print(json.dumps({"songs": [made_json(each) for each in saved]}, ensure_ascii=False))
    return 0
