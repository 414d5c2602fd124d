"""The lead instrument: a tune where nobody sings, short answers in the gaps between lines."""

from __future__ import annotations

import itertools

import numpy as np

from songbloom_x2.train.corpus.melody import Grid, phrase_shape
from songbloom_x2.train.corpus.score import Score, Section

_LOWEST, _HIGHEST = 64, 81
_ANSWERS = 0.35
"""How often a long enough gap between lines is answered."""

LeadNote = tuple[float, float, int, int]


def lead_notes(score: Score, rng: np.random.Generator) -> list[LeadNote]:
    """The lead's notes as ``(start, length, midi, velocity)``."""
    out: list[LeadNote] = []
    for section in score.sections:
        if section.name == "inst" or (section.name in ("intro", "outro") and rng.random() < 0.7):
            out += _tune(score, section, rng)
    lines = score.lines
    for line, after in itertools.pairwise(lines):
        end = line.notes[-1][-1].onset + line.notes[-1][-1].duration
        gap = after.notes[0][0].onset - end
        if 1.0 < gap < 2.6 and after.section == line.section and rng.random() < _ANSWERS:
            out += _answer(score, end + 0.12, after.notes[0][0].onset - 0.1, rng)
    return out


def _tune(score: Score, section: Section, rng: np.random.Generator) -> list[LeadNote]:
    bars = len(section.chords) - (1 if section is score.sections[-1] else 0)
    eighths = 2 * score.style.beats
    seconds = score.bar / eighths
    grid = Grid(bars * eighths, seconds, eighths, 2.0)
    shape = phrase_shape(grid, section.chords[:bars], score.key, _LOWEST, _HIGHEST, rng, close=False)
    sparse = rng.uniform(0.35, 0.7)
    strength = grid.strength()
    motif = rng.random(2 * eighths)
    struck = [at for at in range(grid.slots) if motif[at % (2 * eighths)] < sparse * (0.55 + 0.16 * strength[at])]
    ends = [*struck[1:], grid.slots] if struck else []
    out = []
    for at, end in zip(struck, ends, strict=True):
        length = min(end - at, 6) * seconds * 0.93
        when = section.start + at * seconds + rng.normal(0, 0.006)
        out.append((max(0.0, when), length, int(shape.pitches[at]), int(np.clip(rng.normal(84, 6), 40, 120))))
    return out


def _answer(score: Score, start: float, end: float, rng: np.random.Generator) -> list[LeadNote]:
    step = score.bar / (2 * score.style.beats)
    first = np.ceil(start / step) * step
    times = np.arange(first, end - step * 0.5, step)[:5]
    section = next(s for s in score.sections if s.start <= first < s.end)
    out: list[LeadNote] = []
    pitch = int(rng.integers(67, 77))
    for when in times:
        bar = min(int((when - section.start) / score.bar), len(section.chords) - 1)
        scale = score.key.scale(section.chords[bar])
        options = [p for p in range(pitch - 4, pitch + 5) if p % 12 in scale]
        pitch = int(rng.choice(options))
        if rng.random() < 0.8:
            out.append((float(when + rng.normal(0, 0.006)), step * 0.85, pitch, int(rng.normal(70, 6))))
    return out
