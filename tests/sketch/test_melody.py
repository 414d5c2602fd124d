"""Notes from tokens."""

from __future__ import annotations

import numpy as np

from songbloom_x2.config import SketchLayout
from songbloom_x2.sketch.melody import melody
from songbloom_x2.types import SungNote

LAYOUT = SketchLayout(("AA", "B", "IY", "M"), lowest_pitch=50, pitches=6)
AA, B, IY, M = range(4)
FRAME = 1 / 25


def notes(*frames: tuple[int, int, int] | None) -> list[tuple[int, int, int]]:
    """``(phoneme, pitch, phonemes begun)`` a frame, none where nobody sings -> (pitch, first frame, end)."""
    rest = LAYOUT.sung + 3 * LAYOUT.beats + 1
    tokens = np.array([rest if frame is None else frame[0] * LAYOUT.pitches + frame[1] for frame in frames])
    pointer = np.array([0 if frame is None else frame[2] for frame in frames])
    found = melody(tokens, pointer, LAYOUT)
    assert all(isinstance(note, SungNote) for note in found)
    return [(note.pitch, round(note.start / FRAME), round(note.end / FRAME)) for note in found]


def test_frames_of_one_pitch_are_one_note() -> None:
    assert notes(None, (B, 2, 1), (AA, 2, 2), (AA, 2, 2), (M, 2, 3), None) == [(52, 1, 5)]


def test_another_pitch_is_another_note() -> None:
    assert notes((AA, 0, 1), (AA, 3, 1), (AA, 3, 1)) == [(50, 0, 1), (53, 1, 3)]


def test_another_syllable_is_another_note_from_its_vowel_on() -> None:
    assert notes((B, 1, 1), (AA, 1, 2), (B, 1, 3), (IY, 1, 4), (IY, 1, 4)) == [(51, 0, 3), (51, 3, 5)]


def test_the_same_vowel_sung_again_is_another_note() -> None:
    assert notes((AA, 1, 1), (AA, 1, 1), (AA, 1, 2)) == [(51, 0, 2), (51, 2, 3)]


def test_a_rest_parts_notes() -> None:
    assert notes((AA, 1, 1), None, (AA, 1, 1)) == [(51, 0, 1), (51, 2, 3)]


def test_nobody_sings() -> None:
    assert notes(None, None) == [] and notes() == []
