"""Another sampling rate for the same sound."""

from __future__ import annotations

import numpy as np
import soxr

from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform


def resample(waveform: Waveform, rate: int) -> Waveform:
    """``waveform`` at ``rate`` samples a second (soxr, quality HQ); itself where it has that rate already.

    Raises ``AudioError`` for a rate that is not positive.
    """
    if rate <= 0:
        raise AudioError(f"cannot resample to {rate} samples a second; give a positive rate")
    if rate == waveform.sample_rate:
        return waveform
    samples = soxr.resample(np.ascontiguousarray(waveform.samples.T), waveform.sample_rate, rate, quality="HQ")
    return Waveform(np.ascontiguousarray(samples.T, dtype=np.float32), rate)
