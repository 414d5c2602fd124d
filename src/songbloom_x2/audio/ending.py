"""How a recording ends: whether it dies away before its end, and where it was still loud."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.types import Waveform

_STEP = 0.25
"""Seconds from one level to the next."""
_SILENT_DB, _LOUD_DB = 30.0, 10.0
"""So much under what is usual in it a recording counts as silent; less than so much under it as loud."""
_LONGEST_BACK = 1.5
"""Seconds of softer sound before the silence that are given up at most."""


def silent_from(waveform: Waveform, until: float) -> float | None:
    """The second from which a recording is silent to second ``until``; none where it sounds nearly up to there."""
    levels = _levels(waveform, until)
    if not len(levels) or not np.isfinite(np.median(levels)):
        return None
    sounding = np.flatnonzero(levels > np.median(levels) - _SILENT_DB)
    end = (int(sounding[-1]) + 1) * _STEP
    return end if end <= until - 2 * _STEP else None


def last_loud(waveform: Waveform, until: float) -> float:
    """The last second before ``until`` at which a recording is about as loud as usual, 1.5 s before it at most."""
    levels = _levels(waveform, until)
    loud = np.flatnonzero(levels > np.median(levels) - _LOUD_DB)
    last = (int(loud[-1]) + 1) * _STEP if len(loud) else until
    return max(last, until - _LONGEST_BACK)


def _levels(waveform: Waveform, until: float) -> npt.NDArray[np.float64]:
    """dB of each quarter of a second before ``until``; minus infinity for silence."""
    size = round(_STEP * waveform.sample_rate)
    samples = to_mono(waveform).samples[0, : round(until * waveform.sample_rate)]
    parts = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(np.mean(np.square(parts), axis=1)))
