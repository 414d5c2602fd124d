"""Does the tune belong to the key: the notes as they are heard, against the scale of a key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from songbloom_x2.evaluate.pitch import SketchNote, heard_pitch
from songbloom_x2.types import FloatArray

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10, 11)
"""Natural minor and its leading tone, which the dominant chord brings."""


def scale_of(key: int) -> frozenset[int]:
    """Pitch classes (C 0) of a key, ``2 * root + minor``."""
    root, minor = divmod(key, 2)
    return frozenset((root + step) % 12 for step in (MINOR if minor else MAJOR))


def notes_in_key(
    notes: Sequence[SketchNote], key: int, midi: FloatArray, times: FloatArray, lag: float = 0.0
) -> tuple[int, int]:
    """How many of the sketch's notes are heard in the key, and how many could be heard (see ``pitch``)."""
    scale, heard = scale_of(key), [heard_pitch(note, midi, times, lag) for note in notes]
    known = [pitch for pitch in heard if pitch is not None]
    return sum(round(pitch) % 12 in scale for pitch in known), len(known)


def key_distance(found: int, wanted: int) -> int:
    """How many of the scale's notes two keys do not share: 0 for the same key and for its relative."""
    scales = [
        frozenset((key // 2 + step) % 12 for step in ((0, 2, 3, 5, 7, 8, 10) if key % 2 else MAJOR))
        for key in (found, wanted)
    ]
    return len(scales[0] - scales[1])


def contour_similarity(first: FloatArray, second: FloatArray) -> float:
    """Correlation of two pitch curves (MIDI, NaN where unvoiced) over the frames that both have; NaN under eight."""
    length = min(len(first), len(second))
    both = ~(np.isnan(first[:length]) | np.isnan(second[:length]))
    a, b = first[:length][both].astype(np.float64), second[:length][both].astype(np.float64)
    if len(a) < 8 or a.std() < 1e-6 or b.std() < 1e-6:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
