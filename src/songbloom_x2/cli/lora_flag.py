"""``--lora FILE[:SCALE]``: adapters that are added to the model, as often as wanted."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from songbloom_x2.errors import ConfigError

if TYPE_CHECKING:
    from songbloom_x2.types import LoraChoice

LARGEST_SCALE = 4.0
"""Beyond it, in both directions, there is only noise."""


def add_lora_flag(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare the flag."""
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="FILE[:SCALE]",
        help="an adapter of songbloom train lora, and how strongly it counts (default 1); may be repeated",
    )


def lora_choices(given: Sequence[str]) -> tuple[LoraChoice, ...]:
    """What the flags ask for. Raises ``ConfigError`` for a scale that is none."""
    from songbloom_x2.types import LoraChoice

    choices = []
    for text in given:
        file, colon, number = text.rpartition(":")
        if not colon or Path(text).exists():
            choices.append(LoraChoice(text))
            continue
        try:
            scale = float(number)
        except ValueError:
            # A colon inside a name, as in C:\\adapters.
            choices.append(LoraChoice(text))
            continue
        if not math.isfinite(scale) or abs(scale) > LARGEST_SCALE:
            raise ConfigError(f"--lora {text}: the scale must be from -{LARGEST_SCALE:g} to {LARGEST_SCALE:g}")
        choices.append(LoraChoice(file, scale))
    return tuple(choices)
