"""The outline of a song for a player: the lowest and highest sample of each stretch."""

from __future__ import annotations

import json

import numpy as np

from songbloom_x2.types import Waveform

POINTS = 1000
"""Stretches of a song, however long it is."""


def peaks_json(waveform: Waveform) -> str:
    """``{"seconds", "points", "low", "high"}``: values from -1 to 1 of all channels together, with three digits."""
    samples = waveform.samples
    points = min(POINTS, samples.shape[1])
    starts = np.linspace(0, samples.shape[1], points, endpoint=False).astype(int)
    low = np.minimum.reduceat(samples.min(axis=0), starts)
    high = np.maximum.reduceat(samples.max(axis=0), starts)
    return json.dumps(
        {
            "seconds": round(waveform.seconds, 3),
            "points": points,
            "low": [round(float(value), 3) for value in np.clip(low, -1, 1)],
            "high": [round(float(value), 3) for value in np.clip(high, -1, 1)],
        }
    )
