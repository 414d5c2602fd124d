from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.train.corpus.phonemes import VOWELS, pronounce, syllables
from songbloom_x2.train.corpus.timing import EDGE, GRID, Note, TimedLine, time_line

_WORDS = st.lists(
    st.sampled_from(["strengths", "river", "a", "open", "window", "early", "twelfths"]), min_size=1, max_size=6
)


def _timed(words: list[str], lengths: list[float], seed: int) -> tuple[TimedLine, list[list[Note]]]:
    cut = [syllable for at, word in enumerate(words) for syllable in syllables(pronounce(word), at)]
    notes, onset = [], 0.75
    for index in range(len(cut)):
        length = lengths[index % len(lengths)]
        notes.append([Note(onset, length * 0.97, 60)])
        onset += length
    return time_line(cut, notes, 0.25, round((onset + 0.4) / GRID) * GRID, np.random.default_rng(seed)), notes


@settings(deadline=None)
@given(_WORDS, st.lists(st.floats(0.2, 1.5), min_size=1, max_size=8), st.integers(0, 99))
def test_phonemes_follow_each_other_and_fill_the_letters(words: list[str], lengths: list[float], seed: int) -> None:
    line, _ = _timed(words, lengths, seed)
    assert len(line.letters) == len(line.steps) == len(line.vowels)
    assert min(line.steps) >= 1
    assert line.letters[0] == line.letters[-1] == EDGE
    end = 0.0
    for _, start, stop, _ in line.phonemes:
        assert start >= end - 1e-6
        assert stop > start
        end = stop
    spelled = [sung for word in words for syllable in syllables(pronounce(word), 0) for sung in syllable.phonemes]
    assert [symbol for symbol, *_ in line.phonemes] == spelled


def test_vowels_begin_on_their_notes() -> None:
    line, notes = _timed(["river", "window", "early"], [0.5, 0.4, 0.9], 1)
    begun = [start for symbol, start, _, _ in line.phonemes if symbol in VOWELS]
    assert begun == pytest.approx([group[0].onset for group in notes], abs=0.04)


def test_a_long_gap_is_a_rest() -> None:
    cut = [*syllables(pronounce("river"), 0), *syllables(pronounce("a"), 1)]
    notes = [[Note(0.5, 0.4, 60)], [Note(1.0, 0.4, 62)], [Note(3.0, 0.5, 64)]]
    line = time_line(cut, notes, 0.0, 4.0, np.random.default_rng(0))
    assert "," in line.letters
    ends = [stop for _, _, stop, _ in line.phonemes]
    assert ends[-2] == pytest.approx(1.4, abs=0.06)
