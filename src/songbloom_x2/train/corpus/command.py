"""The arguments of the corpus command, shared by ``songbloom train corpus`` and ``python -m``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

MEAN_SECONDS = 41.0
"""Mean length of a song, for ``--hours``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options on ``parser``."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the corpus; an unfinished one is continued"
    )
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--hours", type=float, metavar="H", help="about so many hours of songs")
    size.add_argument("--songs", type=int, metavar="N", help="exactly so many songs")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="corpora of different seeds share no song (default 1)"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument(
        "--stems", type=int, metavar="N", help="keep the band's sound for the first N songs only (default: all)"
    )
    parser.add_argument(
        "--held-out", action="store_true", help="for evaluation: only lyric lines that no other corpus has"
    )
    parser.add_argument(
        "--voices-only", action="store_true", help="play no band, in about half the time: for the renderer's regression"
    )
    parser.add_argument("--shard-songs", type=int, default=40, metavar="N", help="songs in a file (default 40)")
    parser.add_argument(
        "--soundfont",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="General MIDI .sf2 or .sf3; may be repeated",
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for derived files (default: OUT/cache)")
    parser.add_argument(
        "--wav", type=int, default=0, metavar="N", help="also write the first N songs as WAV files to OUT/wav"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the corpus that ``arguments`` ask for."""
    from songbloom_x2.errors import ConfigError
    from songbloom_x2.train.corpus.generate import CorpusConfig, generate
    from songbloom_x2.train.corpus.listen import write_examples
    from songbloom_x2.train.corpus.soundfont import find_soundfonts

    if arguments.voices_only:
        for name, value in (
            ("--stems", arguments.stems),
            ("--soundfont", arguments.soundfont),
            ("--wav", arguments.wav),
        ):
            if value:
                raise ConfigError(f"{name}: there is no band with --voices-only: leave one of them out")
    songs = arguments.songs if arguments.songs is not None else max(1, round(arguments.hours * 3600 / MEAN_SECONDS))
    config = CorpusConfig(
        songs, arguments.seed, arguments.shard_songs, arguments.stems, arguments.held_out, arguments.voices_only
    )
    generate(
        arguments.out,
        config,
        cache=arguments.cache or arguments.out / "cache",
        soundfonts=[] if arguments.voices_only else find_soundfonts(arguments.soundfont),
        workers=arguments.workers,
    )
    write_examples(arguments.out, arguments.wav)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command by itself."""
    parser = argparse.ArgumentParser(
        prog="python -m songbloom_x2.train.corpus", description="Make a synthetic song corpus."
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))
