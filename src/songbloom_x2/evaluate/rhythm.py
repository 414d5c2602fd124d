"""Tempo against the tempo asked for, and how steadily the beat goes on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from songbloom_x2.audio.analysis import onset_envelope
from songbloom_x2.types import Waveform

WINDOW, HOP = 8.0, 4.0
"""Seconds of a stretch whose beat is looked at, and from one to the next."""


def tempo_error(found: float, wanted: float, *, octaves: bool = True) -> float:
    """Relative distance of two tempi; with ``octaves``, half and double time count as the same tempo."""
    ratios = (0.5, 1.0, 2.0) if octaves else (1.0,)
    return min(abs(found * ratio / wanted - 1) for ratio in ratios)


def beat_wander(waveform: Waveform, tempo: float) -> float | None:
    """How far the beat strays from a constant tempo near ``tempo``, in milliseconds (root mean square).

    The phase of the onsets at the beat's frequency, in stretches of 8 s; a straight line through the phases is a
    constant tempo, what is left of them is wander. None for under 16 s of sound or where no beat is heard.
    """
    onsets, rate = onset_envelope(waveform)
    size, hop = round(WINDOW * rate), round(HOP * rate)
    if len(onsets) < 2 * size:
        return None
    frequency = tempo / 60
    turning = np.exp(-2j * np.pi * frequency * np.arange(len(onsets)) / rate) * onsets
    starts = np.arange(0, len(onsets) - size + 1, hop)
    sums = np.array([turning[start : start + size].sum() for start in starts])
    strength = np.abs(sums)
    if strength.max() <= 0.05 * onsets.sum() / len(starts):
        return None
    residual = _residual(np.unwrap(np.angle(sums)), strength)
    return float(1000 * residual / (2 * np.pi * frequency))


def _residual(phases: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Weighted root mean square of what a straight line leaves of the phases."""
    index = np.arange(len(phases), dtype=np.float64)
    line = np.polynomial.polynomial.polyfit(index, phases, 1, w=np.sqrt(weights))
    left = phases - np.polynomial.polynomial.polyval(index, line)
    return float(np.sqrt((weights * left**2).sum() / weights.sum()))
