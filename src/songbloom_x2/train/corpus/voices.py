"""The singers: twelve timbres made from one synthetic voice by formant warp, tilt, breath and a curve of its own.

Everything is applied to the synthesiser's log-gains, before they become voice frames. The voices are synthetic; they
belong to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songbloom_x2.train.corpus.synthesiser import Branches
from songbloom_x2.train.corpus.voice_params import BIN_HZ, BINS
from songbloom_x2.types import FloatArray

_NEPER = 8.685889638


@dataclass(frozen=True)
class Voice:
    """A singer. ``low_warp`` and ``high_warp`` move the formants below and above about 1.2 kHz (above 1: shorter
    throat); ``tilt`` in dB an octave around 1 kHz, ``breath`` in dB on the noise, ``curve`` dB at 250, 600, 1200,
    2400, 4000 and 7000 Hz.
    """

    name: str
    sex: str
    lowest: int
    highest: int
    low_warp: float
    high_warp: float
    tilt: float
    breath: float
    curve: tuple[float, float, float, float, float, float]
    vibrato_depth: float
    vibrato_rate: float
    breathing: float
    """Loudness of the breath taken before a phrase, in dB; below -30 none is heard."""


VOICES: tuple[Voice, ...] = (
    Voice("alma", "f", 57, 72, 1.00, 1.00, 0.0, 0.0, (0, 0, 0, 0, 0, 0), 0.25, 5.6, -6),
    Voice("bree", "f", 58, 72, 1.06, 1.05, 1.0, 1.0, (-3, 0, 1, 2, 2, 0), 0.15, 6.1, -9),
    Voice("cora", "f", 55, 70, 0.94, 0.93, -1.2, -2.0, (3, 1, 0, -2, -1, -2), 0.35, 5.3, -12),
    Voice("dawn", "f", 58, 73, 1.04, 0.97, -1.5, 6.0, (1, -1, -2, -1, 1, 3), 0.12, 5.8, 0),
    Voice("edie", "f", 58, 72, 1.02, 1.08, 1.6, -3.0, (-3, 2, 2, -1, 2, 1), 0.42, 6.2, -14),
    Voice("finn", "m", 48, 64, 0.86, 0.87, -0.3, 0.0, (0, 1, 0, 1, 1, 0), 0.22, 5.5, -8),
    Voice("glen", "m", 45, 60, 0.79, 0.82, -1.3, 0.0, (3, 0, -1, -1, 0, -1), 0.30, 5.1, -10),
    Voice("hugo", "m", 45, 59, 0.75, 0.78, 0.4, 2.0, (4, -2, 1, 2, -2, 0), 0.40, 4.9, -7),
    Voice("ivor", "m", 50, 66, 0.90, 0.85, 1.5, -2.0, (-2, 3, 1, 3, 2, -2), 0.18, 5.9, -13),
    Voice("jude", "m", 47, 62, 0.83, 0.90, -2.0, 7.0, (1, 0, -3, 0, 2, 3), 0.10, 5.4, -1),
    Voice("kit", "f", 59, 73, 1.09, 1.10, 0.3, 2.0, (-4, 0, 2, 0, 2, 2), 0.10, 6.4, -7),
    Voice("lars", "m", 46, 61, 0.82, 0.76, 0.8, -4.0, (1, 4, -2, 4, -3, -4), 0.45, 5.2, -16),
)


def voice_named(name: str) -> Voice:
    """The voice of that name.

    Raises ``KeyError`` where there is none.
    """
    return {voice.name: voice for voice in VOICES}[name]


def _warp(voice: Voice) -> FloatArray:
    """For each bin, the bin of the unwarped voice it is read from; the two factors blend between 0.8 and 2 kHz."""
    hertz = np.arange(BINS) * BIN_HZ
    high = np.clip((np.log(np.maximum(hertz, 1)) - np.log(800)) / (np.log(2000) - np.log(800)), 0, 1)
    factor = voice.low_warp * (1 - high) + voice.high_warp * high
    return np.asarray(np.clip(np.arange(BINS) / factor, 0, BINS - 1), np.float32)


def _curve(voice: Voice) -> FloatArray:
    hertz = np.maximum(np.arange(BINS) * BIN_HZ, 60.0)
    anchors = np.log2([250, 600, 1200, 2400, 4000, 7000])
    shape = np.interp(np.log2(hertz), anchors, voice.curve)
    kernel = np.hanning(25)
    shape = np.convolve(np.pad(shape, 12, mode="edge"), kernel / kernel.sum(), "valid")
    tilt = voice.tilt * np.log2(np.maximum(hertz, 200) / 1000)
    return np.asarray((shape + tilt) / _NEPER, np.float32)


def colour(branches: Branches, voice: Voice) -> Branches:
    """``branches`` in the voice's own timbre; shapes stay."""
    at = _warp(voice)
    low = np.minimum(at.astype(int), BINS - 2)
    weight = (at - low)[:, None]

    def warped(values: FloatArray) -> FloatArray:
        return np.asarray(values[low] * (1 - weight) + values[low + 1] * weight)

    curve = _curve(voice)[:, None]
    air = voice.breath / _NEPER + 0.5 * curve
    return Branches(
        harmonic=warped(branches.harmonic) + curve,
        noise=warped(branches.noise) + air,
        free=warped(branches.free) + curve,
    )
