"""``songbloom repaint``: a stretch of a song is made anew, the rest stays."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.edit_flags import add_making_flags, make_one, sampling_of, seconds

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.song_stream import SongStream

EPILOG = """\
examples:
  songbloom repaint song.flac --from 5s --to 8s --seed 2 --out other.flac
  songbloom repaint song.flac --from 0:12 --to 0:15 --lyrics "Rivers carry me away" --out other.flac
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``repaint``."""
    parser = subparsers.add_parser(
        "repaint",
        help="make a stretch of a song anew",
        description="Make a stretch of a song anew, with the same words or others. Outside it and a quarter of a "
        "second at either end, the samples stay those of the file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    parser.add_argument("song", metavar="SONG", help="the song's file, with its .state.safetensors beside it")
    parser.add_argument("--from", dest="start", type=seconds, required=True, metavar="S", help="where it begins")
    parser.add_argument("--to", dest="end", type=seconds, required=True, metavar="S", help="where it ends")
    parser.add_argument("--lyrics", metavar="TEXT|@FILE", help="words in place of those sung there (default: the same)")
    parser.add_argument("--style", metavar="FILE|NAME|WORDS", help="another sound there, in the song's tempo and key")
    parser.add_argument(
        "--candidates",
        type=int,
        default=4,
        metavar="K",
        help="so many are made; the one that the rest of the song follows best is taken (default %(default)s)",
    )
    parser.add_argument("--foreign", action="store_true", help="treat it as any recording, even if it has a memory")
    add_making_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Make and write the song."""
    from songbloom_x2.cli.generate import read_lyrics
    from songbloom_x2.types import RepaintRequest

    request = RepaintRequest(
        args.song,
        args.start,
        args.end,
        "" if args.lyrics is None else read_lyrics(args.lyrics),
        args.seed,
        args.candidates,
        args.style,
        args.title,
        sampling_of(args),
        args.preset,
        args.foreign,
    )

    def begin(pipeline: SongPipeline) -> SongStream:
        return pipeline.repaint(request)

    return make_one(args, begin, _told)


def _told(edit: Any) -> str:
    asked = edit["request"]
    if edit["way"] != "memory":
        return f"{asked['start']:g} to {asked['end']:g} s made anew in its style (a recording from elsewhere)"
    count = len(edit["log_likelihoods"])
    return f"{asked['start']:g} to {asked['end']:g} s made anew, version {edit['taken'] + 1} of {count} taken"
