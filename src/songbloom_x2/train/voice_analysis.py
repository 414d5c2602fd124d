"""A dry recording of a voice as voice frames: the way back from what ``corpus.render`` does."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.evaluate.pitch import PITCH_RATE, measured_pitch
from songbloom_x2.train.corpus.render import HOP, MARGIN, N_FFT, SAMPLE_RATE
from songbloom_x2.train.corpus.voice_params import BIN_HZ, BINS, HIGHEST_HARMONIC_HZ, VoiceFrames, compress
from songbloom_x2.types import FloatArray, Waveform

NOISE_POWER = 0.5
"""Mean power of a bin of rendered noise whose gain is 1: two parts of variance 1 and the renderer's 5 / 4, less what
overlapping windows average away (measured)."""
_HELD_HZ = 160.0
_LOWEST_HARMONICS = 8
_STANDS_OUT = 1.0
"""Of harmonics over what lies between them, natural log (8.7 dB): noise, read the same way, has about 0.7."""
_NOTHING = -20.0


def analyse_voice(waveform: Waveform) -> VoiceFrames:
    """Voice frames of a dry, single voice: F0 by ``swift-f0``, gains read at the harmonics and between them.

    Raises ``MissingExtraError`` without the extra ``eval``.
    """
    mono = resample(to_mono(waveform), SAMPLE_RATE).samples[0]
    count = len(mono) // HOP
    padded = np.pad(mono[: count * HOP], MARGIN)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:count]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32)
    f0 = _harmonic(magnitude, _f0(waveform, count))
    # Within its window's main lobe a harmonic's peak is its gain.
    peaks = np.log(maximum_filter1d(magnitude, 3, axis=1) + 1e-6)
    noise = np.log(_between(magnitude, f0) / np.sqrt(NOISE_POWER) + 1e-6)
    free = np.full_like(noise, _NOTHING)
    bands = compress(peaks.T, noise.T, free.T, f0)
    known = np.flatnonzero(f0)
    held = np.full(count, _HELD_HZ)
    if len(known):
        held = np.exp(np.interp(np.arange(count), known, np.log(f0[known])))
    return VoiceFrames(bands, held.astype(np.float32), f0 > 0)


def _f0(waveform: Waveform, count: int) -> FloatArray:
    """F0 in Hz at 100 frames a second, 0 where unvoiced."""
    midi, times = measured_pitch(resample(to_mono(waveform), PITCH_RATE).samples[0])
    at = (np.arange(count) + 0.5) * HOP / SAMPLE_RATE
    if not len(times):
        return np.zeros(count, np.float32)
    nearest = midi[np.clip(np.searchsorted(times, at), 0, len(times) - 1)]
    return np.where(np.isnan(nearest), 0, 440 * 2 ** ((np.nan_to_num(nearest) - 69) / 12)).astype(np.float32)


def _harmonic(magnitude: FloatArray, f0: FloatArray) -> FloatArray:
    """``f0`` with 0 where no harmonics stand out: a pitch tracker goes on for a while into consonants."""
    out = f0.copy()
    bins = np.arange(BINS)
    for frame in np.flatnonzero(f0):
        step = float(f0[frame]) / BIN_HZ
        places = np.arange(1, _LOWEST_HARMONICS + 1) * step
        peaks = np.interp(places, bins, maximum_filter1d(magnitude[frame], 3))
        valleys = np.interp(places + step / 2, bins, magnitude[frame])
        if np.log(peaks + 1e-6).mean() - np.log(valleys + 1e-6).mean() < _STANDS_OUT:
            out[frame] = 0
    return np.asarray(out)


def _between(magnitude: FloatArray, f0: FloatArray) -> FloatArray:
    """What is not harmonic, ``[T, BINS]``: all of an unvoiced frame, what stands midway between harmonics else."""
    out = np.sqrt(uniform_filter1d(np.square(magnitude), 5, axis=1))
    bins = np.arange(BINS)
    for frame in np.flatnonzero(f0):
        hertz = float(f0[frame])
        places = (np.arange(int(HIGHEST_HARMONIC_HZ / hertz)) + 0.5) * hertz / BIN_HZ
        below = np.interp(places, bins, magnitude[frame])
        beyond = bins > places[-1]
        out[frame] = np.where(beyond, out[frame], np.interp(bins, places, below))
    return np.asarray(out, dtype=np.float32)
