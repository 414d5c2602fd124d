from __future__ import annotations

import numpy as np
import pytest

from songbloom_x2.evaluate.harmony import contour_similarity, key_distance, notes_in_key, scale_of
from songbloom_x2.evaluate.pitch import SketchNote


def test_scales() -> None:
    assert scale_of(0) == {0, 2, 4, 5, 7, 9, 11}
    assert scale_of(2 * 9 + 1) == {9, 11, 0, 2, 4, 5, 7, 8}


def test_notes_count_as_they_are_heard() -> None:
    times = np.arange(0, 4, 0.01, dtype=np.float32)
    # Heard: C, F sharp although the sketch says F, nothing.
    midi = np.where(times < 1, 60.2, np.where(times < 2, 65.8, np.nan)).astype(np.float32)
    notes = [SketchNote(0, 25, 60), SketchNote(25, 50, 65), SketchNote(50, 75, 67)]
    assert notes_in_key(notes, 0, midi, times) == (1, 2)
    assert notes_in_key(notes, 2 * 7, midi, times) == (2, 2)


@pytest.mark.parametrize(("found", "wanted", "distance"), [(0, 0, 0), (19, 0, 0), (14, 0, 1), (10, 0, 1), (12, 0, 5)])
def test_keys_are_as_far_as_their_scales(found: int, wanted: int, distance: int) -> None:
    assert key_distance(found, wanted) == distance


def test_contours() -> None:
    curve = 60 + 3 * np.sin(np.linspace(0, 9, 100)).astype(np.float32)
    gaps = np.where(np.arange(100) % 3 == 0, np.nan, curve + 5).astype(np.float32)
    assert contour_similarity(curve, gaps) == pytest.approx(1)
    assert contour_similarity(curve, -curve) == pytest.approx(-1)
    assert np.isnan(contour_similarity(curve, np.full(100, np.nan, np.float32)))
