"""Flags about one song that are more than words, style and length: presets, instrumentals, timed lyrics, melody."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.config import INSTRUMENTAL_SECONDS, Preset
from songbloom_x2.errors import ConfigError

if TYPE_CHECKING:
    from songbloom_x2.config import SongConfig

Group = argparse._ArgumentGroup  # argparse hands it out without a public name


def add_song_flags(group: Group) -> None:
    """What is asked of the song."""
    group.add_argument(
        "--style-start", type=float, metavar="S", help="second of the style's file to start at (default: the best part)"
    )
    group.add_argument(
        "--instrumental",
        action="store_true",
        help=f"no words; of --duration, or {INSTRUMENTAL_SECONDS:g} s (in place of --lyrics)",
    )
    group.add_argument("--bpm", type=float, metavar="N", help="beats a minute (default: the style's)")
    group.add_argument("--key", metavar="KEY", help='such as "A minor" or F# (default: the style\'s)')
    group.add_argument(
        "--preset", choices=get_args(Preset), help="speed against quality (default: balanced, as the model likes it)"
    )


def add_score_flags(group: Group) -> None:
    """What is written beside the song."""
    group.add_argument(
        "--lrc",
        nargs="?",
        const="lines",
        choices=("lines", "words"),
        help="also write timed lyrics (song.lrc), with the time of each line or of each word too",
    )
    group.add_argument("--midi", action="store_true", help="also write the melody (song.mid)")


def song_fields(args: argparse.Namespace) -> dict[str, Any]:
    """The flags as fields of a ``SongRequest``."""
    return {name: getattr(args, name) for name in ("style_start", "instrumental", "preset", "bpm", "key")}


def check_score_flags(args: argparse.Namespace, config: SongConfig) -> None:
    """Raise ``ConfigError`` where the model's tokens do not say what was asked to be written."""
    asked = " and ".join(flag for flag, given in (("--lrc", args.lrc), ("--midi", args.midi)) if given)
    if asked and config.alignment is None:
        raise ConfigError(
            f"{asked}: the tokens of model '{config.name}' have no known meaning, so they tell neither when words are "
            "sung nor which notes; take the model 'embedded'"
        )
