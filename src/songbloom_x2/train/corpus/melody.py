"""Tunes: where the syllables of a line fall, and what they sing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songbloom_x2.train.corpus.harmony import Chord, Key
from songbloom_x2.train.corpus.phonemes import Syllable
from songbloom_x2.types import FloatArray, IntArray

_CANDIDATES = 48


@dataclass(frozen=True)
class Grid:
    """The slots of a phrase: ``slots`` of ``seconds`` each, ``a_bar`` of them in a bar, ``a_beat`` in a beat (maybe <
    1).
    """

    slots: int
    seconds: float
    a_bar: int
    a_beat: float

    def strength(self) -> FloatArray:
        """How strong each slot is in the metre: 4 on the bar, 2 on other beats, 0 off them; ``[slots]``."""
        at = np.arange(self.slots)
        half = self.a_bar / 2
        value = np.where(at % self.a_bar == 0, 4.0, np.where(at % half == 0, 3.0, 0.0))
        on_beat = np.isclose(at % self.a_beat, 0) if self.a_beat >= 1 else np.ones(self.slots, bool)
        return np.where((value == 0) & on_beat, 2.0, value).astype(np.float32)


@dataclass(frozen=True)
class PhraseShape:
    """What lines that share a tune have in common: ``leaning [slots]`` (rhythm) and ``pitches [slots]`` (MIDI)."""

    leaning: FloatArray
    pitches: IntArray


def phrase_shape(
    grid: Grid, chords: Sequence[Chord], key: Key, lowest: int, highest: int, rng: np.random.Generator, *, close: bool
) -> PhraseShape:
    """A tune over ``chords`` (one a bar) inside ``lowest`` to ``highest``; ``close`` brings its end home."""
    strength = grid.strength()
    middle = (lowest + highest) / 2
    arch = rng.uniform(-0.5, 1.0) * (highest - lowest) * 0.35
    current = middle + rng.uniform(-2, 2)
    pitches = []
    for slot in range(grid.slots):
        chord = chords[min(slot // grid.a_bar, len(chords) - 1)]
        tail = slot >= grid.slots - grid.a_bar // 2
        allowed = chord.tones if strength[slot] >= 3 or tail else key.scale(chord)
        if close and tail:
            allowed = tuple(set(chord.tones) & {key.root, (key.root + 7) % 12}) or chord.tones
        options = np.array([p for p in range(lowest, highest + 1) if p % 12 in allowed])
        aim = middle + arch * np.sin(np.pi * slot / grid.slots)
        weight = np.exp(-np.abs(options - current) / 1.9 - ((options - aim) / 6.0) ** 2)
        weight *= np.where(options == round(current), 0.55, 1.0)
        current = float(rng.choice(options, p=weight / weight.sum()))
        pitches.append(int(current))
    leaning = strength * 0.6 + rng.normal(0, 0.9, grid.slots)
    return PhraseShape(leaning.astype(np.float32), np.asarray(pitches))


def place(
    syllables: Sequence[Syllable], shape: PhraseShape, grid: Grid, free: tuple[int, int], rng: np.random.Generator
) -> IntArray:
    """The slot of each syllable: stress on strong slots, evenly spread, ``free`` slots left at start and end;
    ``[syllables]``.
    """
    count, lead = len(syllables), free[0]
    room = grid.slots - sum(free)
    if count >= room:
        return lead + np.arange(count)
    stress = np.array([(0.0, 1.0, 0.5)[syllable.stress] for syllable in syllables])
    picks = np.sort(np.argsort(rng.random((_CANDIDATES, room)), axis=1)[:, :count], axis=1)
    lean = shape.leaning[picks + lead]
    gaps = np.diff(picks, axis=1) if count > 1 else np.ones((_CANDIDATES, 1))
    score = (lean * (0.3 + stress)).sum(1) - 1.1 * count * np.var(gaps, axis=1) ** 0.7 - 0.15 * picks[:, 0] ** 1.5
    inside = np.array([not s.ends_word for s in syllables[:-1]], float)
    if count > 1:
        score -= (np.maximum(gaps - 2, 0) * inside).sum(1) * 1.5
    return np.asarray(picks[int(np.argmax(score))] + lead)
