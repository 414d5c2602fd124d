"""A bar of drums: the style's pattern, fills at the end of sections, a crash at the start of loud ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from songbloom_x2.train.corpus.style import CRASH, KICK, SNARE, DrumPattern

if TYPE_CHECKING:
    from songbloom_x2.train.corpus.arrange import Groove

_LOUD = {"X": 108.0, "x": 88.0, "o": 64.0, "-": 42.0}
_FILLS = (
    "....|....|....|ssss",
    "....|....|..s.|s.ht",
    "....|....|s.ss|htlf",
    "....|....|....|s.s.",
    "....|....|..hh|ttff",
)
_FILL_NOTES = {"s": SNARE, "h": 48, "t": 45, "l": 43, "f": 41}
_CHANNEL = 9


def drum_bar(
    groove: Groove, pattern: DrumPattern, start: float, energy: float, *, fill: bool, crash: bool
) -> list[tuple[float, float, int, int, int]]:
    """The bar as ``(start, length, channel, note, velocity)``."""
    rng, steps = groove.rng, groove.steps
    roll = ""
    lively = groove.style.name not in ("bossa", "ballad", "waltz", "lofi", "folk")
    if fill and lively and rng.random() < 0.8:
        roll = _FILLS[int(rng.integers(len(_FILLS)))].replace("|", "")[-steps:]
    from_step = next((at for at, sign in enumerate(roll) if sign != "."), steps)
    out = []
    for note, line in pattern.items():
        for at, sign in enumerate(line[:steps]):
            if sign == "." or (at >= from_step and note != KICK):
                continue
            velocity = _LOUD[sign] * (0.82 + 0.18 * energy)
            out.append((groove.at(start, at), 0.1, _CHANNEL, note, groove.loud(velocity)))
    for at, sign in enumerate(roll):
        if sign != ".":
            velocity = groove.loud(78 + 2.2 * (at - from_step) * 3)
            out.append((groove.at(start, at), 0.1, _CHANNEL, _FILL_NOTES[sign], velocity))
    if crash and lively:
        out.append((groove.at(start, 0), 0.1, _CHANNEL, CRASH, groove.loud(92)))
    return out
