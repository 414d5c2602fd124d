"""``songbloom extend``: a song goes on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.edit_flags import add_making_flags, make_one, sampling_of, seconds

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.song_stream import SongStream

EPILOG = """\
examples:
  songbloom extend song.flac --lyrics "[chorus] Hold on to the morning light." --duration 20 --out longer.flac
  songbloom extend song.flac --from 45s --lyrics @other.txt --seed 3 --out another-way.flac
  songbloom extend song.flac --duration 15 --out played-on.flac
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``extend``."""
    parser = subparsers.add_parser(
        "extend",
        help="let a song go on",
        description="Let a song go on, from its end or another second. What is kept stays as it is in the file, sample "
        "by sample.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    parser.add_argument("song", metavar="SONG", help="the song's file, with its .state.safetensors beside it")
    parser.add_argument("--lyrics", metavar="TEXT|@FILE", help="the words to sing then (default: those that are left)")
    parser.add_argument(
        "--duration", type=seconds, metavar="S", help="seconds to add (default: until it ends by itself)"
    )
    parser.add_argument("--from", dest="start", type=seconds, metavar="S", help="go on from here (default: the end)")
    parser.add_argument("--style", metavar="FILE|NAME|WORDS", help="another sound from there on, in the song's tempo")
    parser.add_argument("--foreign", action="store_true", help="treat it as any recording, even if it has a memory")
    add_making_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Make and write the longer song."""
    from songbloom_x2.cli.generate import read_lyrics
    from songbloom_x2.types import ExtendRequest

    lyrics = "" if args.lyrics is None else read_lyrics(args.lyrics)
    request = ExtendRequest(
        args.song,
        lyrics,
        args.duration,
        args.start,
        args.seed,
        args.style,
        args.title,
        sampling_of(args),
        args.preset,
        args.foreign,
    )

    def begin(pipeline: SongPipeline) -> SongStream:
        return pipeline.extend(request)

    return make_one(args, begin, _told)


def _told(edit: Any) -> str:
    kept = f"kept to sample {edit['seam']['start']} as it was"
    if edit["way"] == "memory":
        silent = edit["silent_from"]
        why = "" if silent is None else f" (from {silent:g} s on it was silent: that part gave way)"
        return f"{kept}{why}, gone on from the song's own memory"
    if edit["way"] != "style and crossfade":
        sure = f"confidence {edit['heard']['confidence']:.2f}"
        return f"{kept}, gone on from its latents and the sketch heard in it (a recording from elsewhere; {sure})"
    where = " on a beat" if edit["on_beats"] else ""
    heard = edit.get("heard")
    unsure = (
        f"; its sketch is not heard surely enough: {heard['confidence']:.2f} of {heard['needed']:g}" if heard else ""
    )
    return f"{kept}, gone on in its style by a crossfade{where} (a recording from elsewhere{unsure})"
