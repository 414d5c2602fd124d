"""How loud a sound is, and making it as loud as wanted.

Loudness by ITU-R BS.1770-4 (``pyloudnorm``), true peak by four-fold oversampling as in its annex 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyloudnorm
import soxr

from songbloom_x2.types import Waveform

_OVERSAMPLING = 4
_BLOCK_SECONDS = 0.4


def integrated_lufs(waveform: Waveform) -> float:
    """Integrated loudness in LUFS; minus infinity where everything is below the gate (-70 LUFS) or there is nothing.

    Sound shorter than one gating block (0.4 s) is measured as a single block.
    """
    samples = waveform.samples
    if samples.shape[1] == 0 or not samples.any():
        return -math.inf
    # One sample of room: the meter refuses what is not at least a block long.
    block = min(_BLOCK_SECONDS, (samples.shape[1] - 1) / waveform.sample_rate)
    if block <= 0:
        return -math.inf
    meter = pyloudnorm.Meter(waveform.sample_rate, block_size=block)
    return float(meter.integrated_loudness(samples.T.astype(np.float64)))


def true_peak(waveform: Waveform) -> float:
    """The highest level between the samples too, in dB relative to full scale (dBTP); minus infinity for silence."""
    samples = waveform.samples
    if samples.shape[1] == 0:
        return -math.inf
    rate = waveform.sample_rate
    between = soxr.resample(np.ascontiguousarray(samples.T), rate, _OVERSAMPLING * rate, quality="VHQ")
    # The interpolation passes next to the samples, not exactly through them.
    highest = max(float(np.abs(samples).max()), float(np.abs(between).max(initial=0)))
    return 20 * math.log10(highest) if highest > 0 else -math.inf


def second_levels(waveform: Waveform) -> list[list[float]]:
    """Level of each second (the last may be shorter) in each channel: ``[seconds, C]``, dB to a tenth, -60 at least.

    What a file sounds like in a few numbers: enough to tell whether it was changed since they were taken.
    """
    rate = waveform.sample_rate
    starts = range(0, waveform.samples.shape[1], rate)
    parts = (waveform.samples[:, start : start + rate].astype(np.float64) for start in starts)
    power = [np.mean(np.square(part), axis=1) for part in parts]
    return [[round(float(level), 1) for level in 10 * np.log10(np.maximum(each, 1e-6))] for each in power]


@dataclass(frozen=True)
class Normalised:
    """A sound brought to a level: ``gain_db`` is what was applied, ``limited_by`` what decided it.

    ``lufs`` and ``true_peak_db`` are those of the result.
    """

    waveform: Waveform
    gain_db: float
    lufs: float
    true_peak_db: float
    limited_by: Literal["loudness", "true peak", "silence"]


def normalise(waveform: Waveform, *, target_lufs: float, ceiling_db: float) -> Normalised:
    """One constant gain to ``target_lufs``, or as near as the true peak allows to stay under ``ceiling_db``.

    No limiter works here: the shape of the sound stays as it is. Silence stays silence.
    """
    lufs, peak = integrated_lufs(waveform), true_peak(waveform)
    if math.isinf(lufs):
        return Normalised(waveform, 0.0, lufs, peak, "silence")
    wanted, allowed = target_lufs - lufs, ceiling_db - peak
    gain = min(wanted, allowed)
    samples = (waveform.samples * np.float32(10 ** (gain / 20))).astype(np.float32, copy=False)
    limited: Literal["loudness", "true peak"] = "true peak" if allowed < wanted else "loudness"
    return Normalised(Waveform(samples, waveform.sample_rate), gain, lufs + gain, peak + gain, limited)
