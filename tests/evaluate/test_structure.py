from __future__ import annotations

import math

import numpy as np
import pytest

from songbloom_x2.evaluate.structure import (
    chorus_pairs,
    excess_repetition,
    section_spans,
    sections_in_order,
    span_similarity,
    sung_sections,
)
from songbloom_x2.types import TimedWord, Waveform

LYRICS = (
    "[intro] , [verse] One two three four. Five six. , [chorus] Sing along now. , [chorus] Sing along now. , [outro]"
)


def test_sections_with_words() -> None:
    found = [(section.name, section.words) for section in sung_sections(LYRICS)]
    chorus = ("chorus", ("sing", "along", "now"))
    assert found == [("verse", ("one", "two", "three", "four", "five", "six")), chorus, chorus]
    assert [section.name for section in sung_sections("hello there")] == ["verse"]


@pytest.mark.parametrize(
    ("heard", "share"),
    [
        ("one two three for five six sing along now sing along now", 1.0),
        ("one two three four five six sing along now", 2 / 3),
        ("sing along now one two three four five six", 1 / 3),
        ("", 0.0),
        ("one something sing along now sing along", 2 / 3),
    ],
)
def test_sections_count_where_they_are_heard_in_order(heard: str, share: float) -> None:
    assert sections_in_order(sung_sections(LYRICS), heard) == pytest.approx(share)
    assert math.isnan(sections_in_order([], heard))


def test_circles_count_beyond_those_of_the_lyrics() -> None:
    assert excess_repetition(LYRICS, "one two three four five six sing along now sing along now") == 0
    assert excess_repetition("[verse] one two three four", "one two three " * 6) > 0.7


def test_spans_and_choruses() -> None:
    sections = sung_sections(LYRICS)
    words = [word for section in sections for word in section.words]
    timed = [TimedWord(word, 1, 0, float(i), i + 0.9) for i, word in enumerate(words)]
    assert section_spans(sections, timed) == [(0.0, 5.9), (6.0, 8.9), (9.0, 11.9)]
    assert section_spans(sections, timed[:6])[1] is None
    assert chorus_pairs(sections) == [(1, 2)]


def test_the_same_tune_in_another_tempo_is_alike_and_another_is_not() -> None:
    rate = 22050

    def tune(notes: list[int], length: float) -> np.ndarray:
        time = np.arange(round(length * rate)) / rate
        return np.concatenate([0.2 * np.sin(2 * np.pi * 440 * 2 ** ((n - 69) / 12) * time) for n in notes])

    first, slower = tune([60, 64, 67, 65, 62, 60], 0.5), tune([60, 64, 67, 65, 62, 60], 0.6)
    other = tune([66, 61, 63, 70, 68, 63], 0.5)
    song = Waveform(np.concatenate([first, slower, other])[None].astype(np.float32), rate)
    assert span_similarity(song, (0, 3), (3, 6.6)) > 0.9
    assert span_similarity(song, (0, 3), (6.6, 9.6)) < 0.2
