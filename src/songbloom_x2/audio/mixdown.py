"""Fewer or more channels for the same sound."""

from __future__ import annotations

import numpy as np

from songbloom_x2.types import Waveform


def to_mono(waveform: Waveform) -> Waveform:
    """The mean of all channels, ``[1, N]``."""
    if waveform.samples.shape[0] == 1:
        return waveform
    return Waveform(waveform.samples.mean(axis=0, keepdims=True, dtype=np.float32), waveform.sample_rate)


def to_stereo(waveform: Waveform) -> Waveform:
    """``[2, N]``: stereo stays as it is, anything else becomes its mono mix on both sides."""
    if waveform.samples.shape[0] == 2:
        return waveform
    return Waveform(np.repeat(to_mono(waveform).samples, 2, axis=0), waveform.sample_rate)
