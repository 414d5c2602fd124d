"""When each phoneme of a sung line sounds: vowels on the notes, consonants out of the vowel before.

Times are kept on the synthesiser's grid of 25 ms; a line becomes a row of its letters with a length each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songbloom_x2.train.corpus.phonemes import IPA, STRESS_MARKS, Syllable

GRID = 0.025
"""Seconds a step."""
REST_STEPS = 8
"""A gap of more steps than this is a rest: the note ends and the voice pauses."""
EDGE = "$"
"""The letter before and after a line (id 0)."""

_LENGTH = {
    **{"P": 3.0, "B": 2.4, "T": 2.6, "D": 2.2, "K": 3.0, "G": 2.4, "F": 3.6, "V": 2.4, "S": 4.0, "Z": 3.0, "SH": 4.0},
    **{"ZH": 3.0, "CH": 4.0, "JH": 3.2, "TH": 3.2, "DH": 2.0, "HH": 2.8, "M": 3.0, "N": 2.8, "NG": 3.0, "L": 2.8},
    **{"R": 2.6, "W": 2.6, "Y": 2.4},
}


@dataclass(frozen=True)
class Note:
    """A sung note: ``onset`` and ``duration`` in seconds, MIDI pitch."""

    onset: float
    duration: float
    midi: int


@dataclass(frozen=True)
class TimedLine:
    """A line for the synthesiser: ``letters`` with ``steps`` of 25 ms each from ``start`` (s) on.

    ``vowels`` marks the letters of a nucleus (stress mark included); ``phonemes`` are ``(symbol, start, end, midi)``
    in song seconds.
    """

    start: float
    letters: tuple[str, ...]
    steps: tuple[int, ...]
    vowels: tuple[bool, ...]
    phonemes: tuple[tuple[str, float, float, int], ...]


def _shrink(parts: list[list[int]], limit: int) -> None:
    """Shorten the longest consonants until the parts fit ``limit`` steps, one step each at least."""
    while sum(map(sum, parts)) > limit:
        longest = max((steps, i, j) for i, part in enumerate(parts) for j, steps in enumerate(part))
        if longest[0] <= 1:
            break
        parts[longest[1]][longest[2]] -= 1


class _Writer:
    """Collects letters, lengths and timed phonemes from left to right."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.position = 0
        self.letters: list[str] = []
        self.steps: list[int] = []
        self.vowels: list[bool] = []
        self.phonemes: list[tuple[str, float, float, int]] = []

    def letter(self, letter: str, steps: int, vowel: bool = False) -> None:
        self.letters.append(letter)
        self.steps.append(steps)
        self.vowels.append(vowel)
        self.position += steps

    def timed(self, symbol: str, begin: int, midi: int) -> None:
        start, end = (round(self.start + at * GRID, 4) for at in (begin, self.position))
        self.phonemes.append((symbol, start, end, midi))

    def consonants(self, symbols: Sequence[str], lengths: Sequence[int], midi: int) -> None:
        for symbol, steps in zip(symbols, lengths, strict=True):
            begin = self.position
            self.letter(IPA[symbol], steps)
            self.timed(symbol, begin, midi)

    def vowel(self, syllable: Syllable, steps: int, midi: int) -> None:
        begin = self.position
        mark = STRESS_MARKS[syllable.stress]
        if mark and steps > 1:
            self.letter(mark, 1, vowel=True)
            steps -= 1
        letters = IPA[syllable.nucleus]
        if syllable.nucleus == "ER" and not syllable.stress:
            letters = "əɹ"
        if len(letters) == 2 and steps > 1:
            glide = min(6, max(1, round(steps * 0.35)))
            self.letter(letters[0], steps - glide, vowel=True)
            self.letter(letters[1], glide, vowel=True)
        else:
            self.letter(letters[0], max(1, steps), vowel=True)
        self.timed(syllable.nucleus, begin, midi)


def time_line(
    syllables: Sequence[Syllable], notes: Sequence[Sequence[Note]], start: float, end: float, rng: np.random.Generator
) -> TimedLine:
    """Lay ``syllables`` on their ``notes`` (one or more a syllable) between ``start`` and ``end`` (s, grid
    multiples).
    """
    total = round((end - start) / GRID)
    onsets = [round((group[0].onset - start) / GRID) for group in notes]
    ends = [round((group[-1].onset + group[-1].duration - start) / GRID) for group in notes]

    def lengths(symbols: Sequence[str]) -> list[int]:
        return [max(1, round(_LENGTH[symbol] * rng.uniform(0.85, 1.15))) for symbol in symbols]

    heads = [lengths(syllable.onset) for syllable in syllables]
    tails = [lengths(syllable.coda) for syllable in syllables]
    out = _Writer(start)
    _shrink([heads[0]], max(1, onsets[0] - 1))
    out.letter(EDGE, max(1, onsets[0] - sum(heads[0])))
    for index, syllable in enumerate(syllables):
        midi = notes[index][0].midi
        last = index + 1 == len(syllables)
        out.consonants(syllable.onset, heads[index], midi)
        following = total - 1 if last else onsets[index + 1]
        head = [] if last else heads[index + 1]
        space = 1 if syllable.ends_word and not last else 0
        room = following - out.position
        if last or following - ends[index] > REST_STEPS:
            _shrink([tails[index]], max(len(tails[index]), (ends[index] - out.position) // 2))
            vowel = max(2, ends[index] - out.position - sum(tails[index]))
            pause = max(0, following - sum(head) - (out.position + vowel + sum(tails[index])))
        else:
            _shrink([tails[index], head], max(len(tails[index]) + len(head), int((room - space) * 0.55)))
            vowel = max(1, room - space - sum(tails[index]) - sum(head))
            pause = 0
        out.vowel(syllable, vowel, midi)
        out.consonants(syllable.coda, tails[index], midi)
        if last:
            out.letter(".", max(1, total - out.position))
        elif pause > 1:
            out.letter(",", pause - 1)
            out.letter(" ", 1)
        elif space or pause:
            out.letter(" ", 1)
    out.letter(EDGE, 1)
    return TimedLine(start, tuple(out.letters), tuple(out.steps), tuple(out.vowels), tuple(out.phonemes))
