"""``songbloom join``: one recording into another, by a crossfade on their beats."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from songbloom_x2.cli.edit_flags import seconds
from songbloom_x2.config import AudioFormatName
from songbloom_x2.errors import ConfigError

EPILOG = """\
examples:
  songbloom join first.flac second.flac --out both.flac
  songbloom join a.wav b.mp3 c.flac --fade 2s --out medley.flac
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``join``."""
    parser = subparsers.add_parser(
        "join",
        help="one song into another, on their beats",
        description="Join recordings by equal-power crossfades that bring beat onto beat. What comes is as loud as "
        "what goes; rate and channels are the first one's.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    parser.add_argument("songs", nargs="+", type=Path, metavar="FILE", help="two or more recordings")
    parser.add_argument("--fade", type=seconds, metavar="S", help="how long each crossfade lasts (default: a beat)")
    parser.add_argument("--out", dest="joined", type=Path, required=True, metavar="FILE", help="where to")
    parser.add_argument("--format", choices=get_args(AudioFormatName), help="default: by the ending of --out")


def run(args: argparse.Namespace) -> int:
    """Join and write."""
    from songbloom_x2.audio.beats import join_on_beats
    from songbloom_x2.audio.files import read_audio, write_audio
    from songbloom_x2.audio.tags import Tags, read_tags
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.outputs import OutputPlan

    if len(args.songs) < 2:
        raise ConfigError("join: name two recordings at least")
    if args.fade is not None and not 0 <= args.fade <= 30:
        raise ConfigError(f"--fade {args.fade:g}: must be from 0 to 30 seconds")
    outputs = OutputPlan(args.joined, args.format, 1)
    outputs.keep_apart_from(args.songs)
    with outputs:
        whole = read_audio(args.songs[0])
        ours = read_tags(args.songs[0]).ai_generated
        for path in args.songs[1:]:
            joined = join_on_beats(whole, read_audio(path), seconds=args.fade)
            ours = ours or read_tags(path).ai_generated
            how = "on a beat" if joined.on_beats else "where no beat was heard"
            print(f"{path}: comes in at {joined.start:.2f} s over {joined.seconds:.2f} s, {how}", file=sys.stderr)
            whole = joined.waveform
        with held_back():
            write_audio(outputs.paths[0], whole, format=outputs.format, tags=Tags(ai_generated=ours))
    print(f"{outputs.paths[0]}: {whole.seconds:.1f} s", file=sys.stderr)
    return 0
