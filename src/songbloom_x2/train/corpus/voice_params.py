"""The voice as numbers without pitch or phase: 64 harmonic and 40 noise log-gains every 10 ms.

Frame ``n`` at 100 Hz describes the 10 ms from ``n / 100`` s on and is centred on ``(n + 0.5) / 100`` s, like the
band's. The synthesiser (``hibari``) gives, per 12.5 ms frame and 20 Hz bin, log-gains of three branches: harmonics
(``lh``), shaped noise (``ln``) and a free-phase branch (``lr``). Here the harmonic gain is read *at the harmonics*
and reduced to mel bands, so that it no longer shows the pitch; noise and free branch are merged as power. ``render``
turns the numbers into sound.

Both parts are logs of linear gains to which ``FLOOR`` was added, so that silence is finite: ``harmonic = log(gain +
FLOOR)``, ``noise = log(sqrt(power + FLOOR**2))``. A gain of 1 is a sinusoid of amplitude 1/300.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songbloom_x2.types import FloatArray

BINS = 601
BIN_HZ = 20.0
FRAME_RATE = 100.0
NATIVE_RATE = 80.0
HARMONIC_BANDS = 64
NOISE_BANDS = 40
FLOOR = 0.05
REST = -1.0
"""What the harmonic bands fade to where nothing is voiced."""
REST_FRAMES = 8.0
"""Native frames in which that fade falls to 1/e."""
HIGHEST_HARMONIC_HZ = 11000.0
LOWEST_VOICED_HZ = 40.0
LOG_GAIN_LIMIT = 7.0


@dataclass(frozen=True)
class VoiceFrames:
    """``bands`` float32 ``[T, 104]`` (64 harmonic, 40 noise), ``f0`` float32 ``[T]`` in Hz, ``voiced`` bool ``[T]``."""

    bands: FloatArray
    f0: FloatArray
    voiced: npt.NDArray[np.bool_]


def band_centres(bands: int) -> FloatArray:
    """Centres of ``bands`` mel bands between 0 and 12 kHz, in 20 Hz bins, at least one bin apart; ``[bands]``."""
    return _edges(bands)[1:-1].astype(np.float32)


def _edges(bands: int) -> npt.NDArray[np.float64]:
    top = 2595 * np.log10(1 + 12000 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    return np.asarray(np.maximum(hertz / BIN_HZ, np.arange(bands + 2) * 1.0))


def band_weights(bands: int) -> FloatArray:
    """Triangles over the 601 bins that average them into ``bands`` mel bands; rows sum to one; ``[bands, 601]``."""
    edge = _edges(bands)
    low, centre, high = edge[:-2, None], edge[1:-1, None], edge[2:, None]
    bins = np.arange(BINS)[None]
    weights = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


def _harmonic_envelope(log_gain: FloatArray, f0: FloatArray) -> FloatArray:
    """Log-gain ``[601, F]`` seen through the harmonics of ``f0 [F]`` only, joined by straight lines: ``[F, 601]``."""
    floored = np.log(np.exp(np.minimum(log_gain, LOG_GAIN_LIMIT)) + FLOOR).T
    bins = np.arange(BINS)
    out = np.empty_like(floored)
    for row, (values, hertz) in enumerate(zip(floored, f0, strict=True)):
        at = np.arange(1, int(HIGHEST_HARMONIC_HZ / hertz) + 1) * (hertz / BIN_HZ)
        out[row] = np.interp(bins, at, np.interp(at, bins, values))
    return np.asarray(out)


def compress(harmonic: FloatArray, noise: FloatArray, free: FloatArray, f0: FloatArray) -> FloatArray:
    """The synthesiser's log-gains (``[601, F]`` each) and ``f0 [F]`` (0 = unvoiced) as bands ``[F, 104]``, native
    rate.
    """
    frames = harmonic.shape[1]
    voiced = np.flatnonzero(f0 > LOWEST_VOICED_HZ)
    bands = np.full((frames, HARMONIC_BANDS), REST, np.float32)
    if len(voiced):
        seen = _harmonic_envelope(harmonic[:, voiced], f0[voiced]) @ band_weights(HARMONIC_BANDS).T
        time = np.arange(frames)
        right = np.clip(np.searchsorted(voiced, time), 0, len(voiced) - 1)
        left = np.maximum(right - 1, 0)
        span = np.maximum(voiced[right] - voiced[left], 1)
        weight = np.clip((time - voiced[left]) / span, 0, 1)[:, None]
        held = seen[left] * (1 - weight) + seen[right] * weight
        distance = np.minimum(np.abs(time - voiced[right]), np.abs(time - voiced[left]))
        bands = REST + (held - REST) * np.exp(-distance / REST_FRAMES)[:, None]
    power = np.exp(2 * np.minimum(noise, LOG_GAIN_LIMIT)) + np.exp(2 * np.minimum(free, LOG_GAIN_LIMIT))
    noise_bands = 0.5 * np.log(band_weights(NOISE_BANDS) @ power + FLOOR**2).T
    return np.concatenate([bands, noise_bands], axis=1).astype(np.float32)


def scale(bands: FloatArray, gain: FloatArray | float) -> FloatArray:
    """Bands ``[T, 104]`` made louder by the linear ``gain`` (one number, or ``[T]``), the floor staying what it is."""
    factor = np.broadcast_to(np.asarray(gain, np.float32), (len(bands),))[:, None]
    harmonic, noise = bands[:, :HARMONIC_BANDS], bands[:, HARMONIC_BANDS:]
    louder = np.log(np.maximum(np.exp(harmonic) - FLOOR, 0) * factor + FLOOR)
    power = np.maximum(np.exp(2 * noise) - FLOOR**2, 0) * factor**2
    return np.concatenate([louder, 0.5 * np.log(power + FLOOR**2)], axis=1).astype(np.float32)


def silence(frames: int) -> FloatArray:
    """The bands of a silent voice: ``[frames, 104]``."""
    out = np.full((frames, HARMONIC_BANDS + NOISE_BANDS), np.log(FLOOR), np.float32)
    out[:, :HARMONIC_BANDS] = REST
    return out


def resample(rows: FloatArray, frames: int) -> FloatArray:
    """Rows ``[F, ...]``, row ``k`` at ``k / 80`` s, read by straight lines at ``(n + 0.5) / 100`` s: ``[frames,
    ...]``.
    """
    at = np.clip((np.arange(frames) + 0.5) * (NATIVE_RATE / FRAME_RATE), 0, len(rows) - 1)
    low = np.minimum(at.astype(int), max(len(rows) - 2, 0))
    high = np.minimum(low + 1, len(rows) - 1)
    weight = (at - low).astype(np.float32).reshape((-1,) + (1,) * (rows.ndim - 1))
    return np.asarray(rows[low] * (1 - weight) + rows[high] * weight)
