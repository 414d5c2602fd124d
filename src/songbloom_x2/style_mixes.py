"""Mixes of styles as people write them: ``rock:0.7 b.wav:0.3``. Text only."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from songbloom_x2.errors import ConfigError, StyleError
from songbloom_x2.types import StyleMix

MOST_STYLES = 8
MOST_STEPS = 64
_PART = re.compile(r"\s*(.+?):([^\s:/\\]*)(?=\s|$)", re.DOTALL)
_WEIGHT_AT_END = re.compile(r":[-+]?(\d|\.\d|nan\b|inf)[^\s/\\]*(\s|$)", re.IGNORECASE)


def is_mix(text: str) -> bool:
    """Whether a style's text means a mix: some part of it ends with a colon and a number."""
    return _WEIGHT_AT_END.search(text) is not None


def parse_mix(text: str) -> StyleMix:
    """``a:0.7 b:0.3`` as a mix, checked. Names may hold spaces. Raises ``StyleError``."""
    parts = []
    place = 0
    while found := _PART.match(text, place):
        parts.append(f"{found[1]}:{found[2]}")
        place = found.end()
    if text[place:].strip():
        raise StyleError(f"style mix '{text[:120]}': '{text[place:].strip()[:60]}' has no weight: write a:0.7 b:0.3")
    return mix_of(parts)


def mix_of(parts: Sequence[str]) -> StyleMix:
    """Parts like ``a:0.7``, one each, as a mix. Raises ``StyleError``."""
    named = []
    for part in parts:
        name, colon, weight = part.rpartition(":")
        if not colon or not name.strip():
            raise StyleError(f"style mix: '{part[:60]}' has no weight: write it as name:0.5")
        try:
            value = float(weight)
        except ValueError:
            raise StyleError(f"style mix: '{weight[:20]}' of '{name[:60]}' is no number: write name:0.5") from None
        named.append((name.strip(), value))
    return checked_mix(StyleMix(tuple(named)))


def written_mix(parts: Sequence[tuple[str, float]]) -> str:
    """The text that ``parse_mix`` reads as these parts; of one part alone its name."""
    if len(parts) == 1:
        return parts[0][0]
    return " ".join(f"{name}:{weight!r}" for name, weight in parts)


def on_the_way(first: str, second: str, steps: int) -> list[tuple[tuple[str, float], ...]]:
    """The parts of each of ``steps`` mixes from one style to another; at the ends one style stands alone.

    Raises ``ConfigError`` for a number of steps that makes no sense.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise ConfigError(f"steps {steps}: from 2 to {MOST_STEPS} songs lie between two styles, both included")
    shares = [step / (steps - 1) for step in range(1, steps - 1)]
    between = [((first, 1 - share), (second, share)) for share in shares]
    return [((first, 1.0),), *between, ((second, 1.0),)]


def checked_mix(mix: StyleMix) -> StyleMix:
    """The mix with weights that sum to 1. Raises ``StyleError`` where weights or the number of styles make no sense."""
    if not 2 <= len(mix.parts) <= MOST_STYLES:
        count = "1 style" if len(mix.parts) == 1 else f"{len(mix.parts)} styles"
        raise StyleError(f"style mix: {count}; 2 to {MOST_STYLES} can be mixed")
    for name, weight in mix.parts:
        if isinstance(weight, bool) or not math.isfinite(weight) or weight <= 0:
            raise StyleError(
                f"style mix: the weight of '{name[:60]}' is {weight:g}: it must be more than 0 and no infinity"
            )
    total = sum(weight for _, weight in mix.parts)
    if not math.isfinite(total):
        raise StyleError(
            "style mix: the weights are too large together: only their proportion counts, give smaller ones"
        )
    return StyleMix(tuple((name, weight / total) for name, weight in mix.parts), mix.method, mix.spherical)
