"""A look-ahead limiter: single peaks come down so that the rest may be as loud as wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from songbloom_x2.audio.loudness import Normalised, integrated_lufs, normalise
from songbloom_x2.types import FloatArray, Waveform

LOOK_AHEAD = 0.03
"""Seconds over which the gain moves, before and after a peak."""


@dataclass(frozen=True)
class Limited:
    """A sound at its level; ``reduction_db`` is by how much its highest peak was brought down (0: not at all)."""

    made: Normalised
    reduction_db: float


def limited_gain(samples: FloatArray, ceiling: float, width: int) -> FloatArray:
    """Gain ``[N]`` that keeps ``samples [C, N]`` within ``ceiling``: smooth over ``width`` samples, never above 1."""
    peaks = np.abs(samples).max(axis=0)
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-12))
    # The lowest of a window, then the mean of half of it: each value averaged holds for the sample in the middle.
    lowest = scipy.ndimage.minimum_filter1d(wanted, 2 * (width // 2) + 1, mode="nearest")
    return np.asarray(scipy.ndimage.uniform_filter1d(lowest, 2 * (width // 4) + 1, mode="nearest"), np.float32)


def levelled(waveform: Waveform, *, target_lufs: float, ceiling_db: float) -> Limited:
    """Bring a sound to ``target_lufs`` under a true peak of ``ceiling_db``, holding back what sticks out.

    Where one constant gain does it, nothing else happens (see ``normalise``).
    """
    made = normalise(waveform, target_lufs=target_lufs, ceiling_db=ceiling_db)
    if made.limited_by != "true peak":
        return Limited(made, 0.0)
    boost = target_lufs - integrated_lufs(waveform)
    loud = (waveform.samples * np.float32(10 ** (boost / 20))).astype(np.float32)
    width = max(4, int(LOOK_AHEAD * waveform.sample_rate))
    gain = limited_gain(loud, 10 ** (ceiling_db / 20), width)
    held = Waveform((loud * gain).astype(np.float32), waveform.sample_rate)
    result = normalise(held, target_lufs=target_lufs, ceiling_db=ceiling_db)
    total = Normalised(result.waveform, boost + result.gain_db, result.lufs, result.true_peak_db, result.limited_by)
    return Limited(total, -20 * math.log10(float(gain.min())))
