"""Does the voice sing what the sketch says: notes of the sketch against the F0 of the sound."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from songbloom_x2.config import FRAME_RATE, SketchLayout
from songbloom_x2.errors import MissingExtraError
from songbloom_x2.types import FloatArray, IntArray

SHORTEST_NOTE = 4
"""Frames (160 ms): a shorter note is a passing tone whose middle cannot be measured."""
PITCH_RATE = 16000
CONFIDENCE = 0.3
"""Of swift-f0, from which on a frame counts as voiced; a pure tone has about 0.5, singing up to 1."""


@dataclass(frozen=True)
class SketchNote:
    """A held note: first frame, frame after its last, MIDI number."""

    start: int
    end: int
    midi: int


def sketch_notes(tokens: IntArray, layout: SketchLayout) -> list[SketchNote]:
    """Stretches of sung tokens ``[T]`` of one pitch, at least ``SHORTEST_NOTE`` frames long."""
    pitch = np.where(tokens < layout.sung, tokens % layout.pitches + layout.lowest_pitch, -1)
    edges = np.flatnonzero(np.diff(pitch, prepend=-2, append=-2))
    return [
        SketchNote(int(start), int(end), int(pitch[start]))
        for start, end in itertools.pairwise(edges)
        if pitch[start] >= 0 and end - start >= SHORTEST_NOTE
    ]


def measured_pitch(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F0 in MIDI numbers (NaN where unvoiced) and its times in seconds, of mono ``samples`` at 16 kHz.

    Raises:
        MissingExtraError: the extra ``eval`` is not installed.
    """
    try:
        from swift_f0 import SwiftF0
    except ImportError as error:
        raise MissingExtraError("measuring pitch", "eval") from error
    found = SwiftF0(threads=1).detect(samples, PITCH_RATE)
    hertz = np.asarray(found.pitch_hz, dtype=np.float64)
    voiced = np.asarray(found.confidence) > CONFIDENCE
    midi = np.where(voiced & (hertz > 0), 69 + 12 * np.log2(np.maximum(hertz, 1) / 440), np.nan)
    return midi.astype(np.float32), np.asarray(found.timestamps, dtype=np.float32)


def heard_pitch(note: SketchNote, midi: FloatArray, times: FloatArray, lag: float = 0.0) -> float | None:
    """The pitch that is sung where the sketch has a note (MIDI); none where it cannot be heard.

    ``midi`` and ``times`` as ``measured_pitch`` gives them. ``lag``: seconds by which the sound comes before the
    sketch's frame times (negative: after).
    """
    # The first and last quarter belong to glides and consonants.
    length = (note.end - note.start) / FRAME_RATE
    start = note.start / FRAME_RATE - lag + length / 4
    inside = midi[(times >= start) & (times < start + length / 2)]
    inside = inside[~np.isnan(inside)]
    return float(np.median(inside)) if len(inside) >= 2 else None


def notes_within(
    notes: list[SketchNote], midi: FloatArray, times: FloatArray, lag: float = 0.0, cents: float = 50.0
) -> tuple[int, int]:
    """How many notes are sung within ``cents``, and how many could be measured (see ``heard_pitch``)."""
    pairs = [(note.midi, heard_pitch(note, midi, times, lag)) for note in notes]
    distances = [abs(heard - wanted) * 100 for wanted, heard in pairs if heard is not None]
    return sum(distance <= cents for distance in distances), len(distances)
