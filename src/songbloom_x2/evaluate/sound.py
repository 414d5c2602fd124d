"""What can be said of any sound without knowing what it should be: silence, clipping, width, and change of colour."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.signal import welch

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.types import FloatArray, Waveform

SILENT_DB = -60.0
"""Level (RMS of 50 ms, relative to full scale) under which a moment is silent."""
CLIPPED = 0.999
"""Of full scale: a sample that reaches it cannot be told from one that was cut off."""
DRIFT_SECONDS = 10.0
_LOWEST_BAND, _HIGHEST_BAND = 100.0, 10000.0


def silence(waveform: Waveform) -> tuple[float, float]:
    """Share of the sound that is silent, and the longest silence inside it in seconds (beginning and end left out)."""
    mono, size = to_mono(waveform).samples[0], max(1, waveform.sample_rate // 20)
    count = len(mono) // size
    if not count:
        return 1.0, 0.0
    power = np.square(mono[: count * size].reshape(count, size).astype(np.float64)).mean(1)
    quiet = power < 10 ** (SILENT_DB / 10)
    heard = np.flatnonzero(~quiet)
    if not len(heard):
        return 1.0, 0.0
    inside = quiet[heard[0] : heard[-1] + 1]
    longest = max((len(list(run)) for silent, run in itertools.groupby(inside) if silent), default=0)
    return float(quiet.mean()), longest * 0.05


def clipped(waveform: Waveform) -> float:
    """Share of the samples that stand at full scale."""
    return float((np.abs(waveform.samples) >= CLIPPED).mean()) if waveform.samples.size else 0.0


def stereo_width(waveform: Waveform) -> float:
    """Power of the difference of both sides over that of their sum, from 0 (mono) to 1 (unrelated sides) and beyond."""
    if waveform.samples.shape[0] < 2:
        return 0.0
    left, right = waveform.samples[:2].astype(np.float64)
    middle, side = np.square(left + right).mean(), np.square(left - right).mean()
    return float(side / middle) if middle > 0 else 0.0


def colour(waveform: Waveform) -> FloatArray:
    """Level in dB of third-octave bands from 100 Hz to 10 kHz, less their mean: ``[21]``."""
    mono = to_mono(waveform).samples[0]
    frequencies, density = welch(mono.astype(np.float64), waveform.sample_rate, nperseg=min(8192, len(mono)))
    count = round(3 * np.log2(_HIGHEST_BAND / _LOWEST_BAND)) + 1
    centres = _LOWEST_BAND * 2 ** (np.arange(count) / 3)
    levels = []
    for centre in centres:
        inside = (frequencies >= centre * 2 ** (-1 / 6)) & (frequencies < centre * 2 ** (1 / 6))
        levels.append(10 * np.log10(density[inside].mean() + 1e-14) if inside.any() else np.nan)
    found = np.array(levels)
    return np.asarray(found - np.nanmean(found), dtype=np.float32)


def colour_change(waveform: Waveform, until: float | None = None) -> FloatArray | None:
    """How the colour of the 10 s that end at ``until`` (none: 3 s before the end) differs from that at 2 to 12 s.

    dB a band, ``[21]``; none where the song is shorter than 30 s or than ``until``. One song changes by its
    arrangement; what many songs have in common is drift (``drift``).
    """
    end = waveform.seconds - 3 if until is None else until
    if waveform.seconds < 30 or end > waveform.seconds:
        return None

    def part(start: float) -> Waveform:
        first = round(start * waveform.sample_rate)
        return Waveform(
            waveform.samples[:, first : first + round(DRIFT_SECONDS * waveform.sample_rate)], waveform.sample_rate
        )

    return np.asarray(colour(part(end - DRIFT_SECONDS)) - colour(part(2.0)), dtype=np.float32)


def drift(changes: FloatArray) -> float:
    """Spectral drift in dB of many songs' ``colour_change`` ``[songs, bands]``: what they have in common.

    Mean over the bands of the size of the mean change.
    """
    known = changes[:, ~np.isnan(changes).all(axis=0)]
    return float(np.abs(np.nanmean(known, axis=0)).mean())


def longest_held(waveform: Waveform) -> float:
    """Longest stretch in seconds in which the sound does not change: a loop that hangs, a drone.

    Neighbouring quarter seconds whose log spectra (64 bands) correlate above 0.995; silence does not count.
    """
    mono, size = to_mono(waveform).samples[0], waveform.sample_rate // 4
    count = len(mono) // size
    if count < 2:
        return 0.0
    frames = mono[: count * size].reshape(count, size).astype(np.float64)
    spectra = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1))
    edges = np.unique(np.geomspace(4, spectra.shape[1] - 1, 65).astype(int))
    bands = np.log(np.add.reduceat(spectra, edges[:-1], axis=1) + 1e-3)
    bands -= bands.mean(1, keepdims=True)
    norm = np.sqrt(np.square(bands).sum(1)) + 1e-9
    alike = (bands[1:] * bands[:-1]).sum(1) / (norm[1:] * norm[:-1])
    loud = np.square(frames).mean(1) > 10 ** (SILENT_DB / 10)
    same = (alike > 0.995) & loud[1:] & loud[:-1]
    longest = max((len(list(run)) for held, run in itertools.groupby(same) if held), default=0)
    return (longest + 1) * 0.25 if longest else 0.0
