from __future__ import annotations

import numpy as np

from songbloom_x2.config import SketchLayout
from songbloom_x2.evaluate.pitch import SketchNote, notes_within, sketch_notes

LAYOUT = SketchLayout(phonemes=("AA", "B"), lowest_pitch=40, pitches=40)


def test_notes_are_stretches_of_one_pitch_whatever_the_phoneme() -> None:
    rest = LAYOUT.sung + 3
    tokens = np.array([rest, *[20] * 4, *[LAYOUT.pitches + 20] * 2, *[25] * 3, *[22] * 5, rest])
    assert sketch_notes(tokens, LAYOUT) == [SketchNote(1, 7, 60), SketchNote(10, 15, 62)]


def test_a_note_counts_when_its_middle_is_in_tune() -> None:
    times = np.arange(0, 4, 0.01, dtype=np.float32)
    midi = np.where(times < 1, 60.3, np.where(times < 2, 61.6, np.nan)).astype(np.float32)
    notes = [SketchNote(0, 25, 60), SketchNote(25, 50, 61), SketchNote(50, 75, 62)]
    # The first is 30 cents off, the second 60, the third cannot be heard.
    assert notes_within(notes, midi, times) == (1, 2)
    assert notes_within(notes, midi, times, cents=70) == (2, 2)
