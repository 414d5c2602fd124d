"""The plan of a song: sections and their lengths, for a wanted number of seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songbloom_x2.train.corpus.style import Style

SUNG_SECTIONS = ("verse", "chorus", "bridge")

_FORMS = (
    "verse chorus",
    "intro verse chorus",
    "verse chorus outro",
    "intro verse chorus outro",
    "chorus verse chorus",
    "intro chorus verse",
    "intro verse",
    "chorus outro",
    "intro verse inst chorus",
    "verse inst verse outro",
    "verse chorus verse chorus",
    "intro verse chorus verse chorus outro",
    "verse chorus bridge chorus",
    "intro verse chorus inst chorus outro",
    "intro verse chorus bridge chorus outro",
    "verse verse chorus",
    "intro verse verse chorus inst verse chorus outro",
    "intro verse chorus verse chorus bridge chorus outro",
    "verse chorus inst bridge chorus outro",
    "intro chorus verse chorus verse bridge chorus",
)
_INSTRUMENTAL_FORMS = ("intro inst outro", "intro inst inst outro", "inst outro", "intro inst")


@dataclass(frozen=True)
class SectionPlan:
    """A section before it has music: ``bars`` long, with ``lines`` to sing (0: instrumental)."""

    name: str
    bars: int
    lines: int


@dataclass(frozen=True)
class Metre:
    """How the lyrics sit on the bars: ``phrase_bars`` a line, slots of ``slot`` seconds, ``slots_a_bar`` of them."""

    bar: float
    phrase_bars: int
    slot: float
    slots_a_bar: int


def metre(style: Style, tempo: float) -> Metre:
    """A line of about 4.5 seconds and slots of 0.2 to 0.39 s, whatever the tempo."""
    bar = style.beats * 60 / tempo
    phrase = min((1, 2, 4), key=lambda bars: abs(np.log(bars * bar / 4.5)))
    slot, count = 30 / tempo, 2 * style.beats
    while slot > 0.39:
        slot, count = slot / 2, count * 2
    while slot < 0.195 and count % 2 == 0:
        slot, count = slot * 2, count // 2
    return Metre(bar, phrase, slot, count)


def wanted_seconds(rng: np.random.Generator) -> float:
    """How long a song should be: mostly 18 to 44 s, some up to 90."""
    kind = rng.random()
    low, high = (18, 44) if kind < 0.76 else (44, 60) if kind < 0.9 else (60, 90)
    return float(rng.uniform(low, high))


def plan_sections(
    metre: Metre, seconds: float, instrumental: bool, rng: np.random.Generator
) -> tuple[SectionPlan, ...]:
    """A form whose length is near ``seconds``, chosen by ``rng`` among those that fit."""
    forms = _INSTRUMENTAL_FORMS if instrumental else _FORMS
    options: list[tuple[float, tuple[SectionPlan, ...]]] = []
    for form in forms:
        for verse in (2, 3, 4):
            for chorus in (2, 4):
                short = int(rng.choice((1, 2, 2, 4)))
                plans = tuple(_section(name, metre, verse, chorus, short, instrumental) for name in form.split())
                length = sum(plan.bars for plan in plans) * metre.bar
                options.append((abs(np.log(length / seconds)), plans))
    options.sort(key=lambda option: option[0])
    near = [plans for miss, plans in options if miss < 0.18] or [options[0][1]]
    return near[int(rng.integers(len(near)))]


def _section(name: str, metre: Metre, verse: int, chorus: int, short: int, instrumental: bool) -> SectionPlan:
    lines = {"verse": verse, "chorus": chorus, "bridge": 2}.get(name, 0)
    if lines:
        return SectionPlan(name, lines * metre.phrase_bars, lines)
    if name == "inst":
        bars = (8 if metre.bar < 2.6 else 4) if instrumental else max(2, round(5 / metre.bar))
        return SectionPlan(name, bars, 0)
    wish = max(1, round(short * 2 / metre.bar))
    return SectionPlan(name, min(wish, 4), 0)
