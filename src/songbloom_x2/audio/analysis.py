"""Tempo and key of a recording, estimated with numpy and scipy alone; the same sound gives the same answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import stft

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.types import Waveform

SLOWEST, FASTEST = 60.0, 180.0
_USUAL_TEMPO = 110.0
_TEMPO_OCTAVES = 1.0
"""Standard deviation, in octaves, of the log-normal prior around the usual tempo."""
_RATE = 22050
_HOP = 220
"""Samples from one onset value to the next, about 10 ms."""
_FRAMES_A_MINUTE = 60 * _RATE / _HOP
_COMPRESSION = 30.0
"""Hits 15 dB under the loudest still count; much more, and every shaker would weigh as much as the drum."""
_LEAST_PULSE = 0.1
"""Autocorrelation (of 1 at lag 0) under which nothing is called a beat."""

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each semitone above the root fits the key: C. L. Krumhansl, Cognitive Foundations of Musical Pitch, 1990."""

Doubles = npt.NDArray[np.float64]


def estimate_tempo(waveform: Waveform) -> float | None:
    """Beats a minute from 60 to 180; none where no pulse is heard (or under three seconds of sound).

    Autocorrelation of the onset envelope under a log-normal prior. A lag counts with its double, as beats make
    bars, and loses three tenths of what its half has, so that a pulse is not taken for every second of its beats.
    """
    if waveform.seconds < 3:
        return None
    onsets = _onsets(waveform)
    if onsets.max() <= 0:
        return None
    similarity = _autocorrelation(onsets)
    lags = np.arange(int(_FRAMES_A_MINUTE / FASTEST), int(_FRAMES_A_MINUTE / SLOWEST) + 2)
    lags = lags[lags < len(similarity) - 2]
    multiples = (1, 2) if 2 * lags[-1] + 1 < 0.75 * len(similarity) else (1,)
    strength = np.mean([similarity[lags * multiple] for multiple in multiples], axis=0)
    halves = (similarity[lags // 2] + similarity[(lags + 1) // 2]) / 2
    prior = np.exp(-0.5 * np.square(np.log2(_FRAMES_A_MINUTE / lags / _USUAL_TEMPO) / _TEMPO_OCTAVES))
    best = int(lags[np.argmax((strength - 0.3 * np.maximum(halves, 0)) * prior)])
    if strength[best - lags[0]] < _LEAST_PULSE:
        return None
    return float(np.clip(_FRAMES_A_MINUTE / _refined(similarity, best), SLOWEST, FASTEST))


def estimate_key(waveform: Waveform) -> int | None:
    """``2 * root + minor`` (C major 0, C minor 1, C sharp major 2, ...); none where no pitch is heard."""
    chroma = pitch_classes(waveform)
    if chroma is None:
        return None
    fits = [_correlation(np.roll(profile, root), chroma) for root in range(12) for profile in (_MAJOR, _MINOR)]
    return int(np.argmax(fits))


def onset_envelope(waveform: Waveform) -> tuple[Doubles, float]:
    """How strongly something begins, ``[T]``, and how many values there are a second."""
    return _onsets(waveform), _RATE / _HOP


def _onsets(waveform: Waveform) -> Doubles:
    """How much the spectrum grows, every 10 ms, as far as that is more than its average over a second."""
    mono = resample(to_mono(waveform), _RATE).samples[0].astype(np.float64)
    frequencies, _, spectrum = stft(mono, _RATE, nperseg=1024, noverlap=1024 - _HOP)
    edges = np.unique(np.searchsorted(frequencies, np.geomspace(60, 10000, 25)))
    bands = np.add.reduceat(np.square(np.abs(spectrum)), edges, axis=0)[:-1]
    logs = np.log1p(_COMPRESSION * bands / max(float(bands.max()), 1e-12))
    growth = np.maximum(np.diff(logs, axis=1), 0).sum(axis=0)
    # A beat is rarely a whole number of frames: widened, its peaks still meet in the autocorrelation.
    growth = gaussian_filter1d(growth, 1.5)
    onsets: Doubles = np.maximum(growth - uniform_filter1d(growth, 101), 0)
    return onsets


def _autocorrelation(onsets: Doubles) -> Doubles:
    """1 at lag 0, unbiased over lags, of the onsets less their mean: unrelated onsets give 0."""
    centred = onsets - onsets.mean()
    count = len(centred)
    size = 1 << (2 * count - 1).bit_length()
    products = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size))), size)[:count]
    unbiased: Doubles = products / products[0] * (count / np.arange(count, 0, -1))
    return unbiased


def _refined(similarity: Doubles, lag: int) -> float:
    """The lag between frames: the peak's vertex, then that of its multiples, which are finer by their number."""
    exact = _vertex(similarity, lag)
    for multiple in (2, 4, 8):
        near = round(exact * multiple)
        if near + 3 >= len(similarity) * 3 // 4:
            break
        peak = near - 2 + int(np.argmax(similarity[near - 2 : near + 3]))
        if similarity[peak] < similarity[lag] / 2:
            break
        exact = _vertex(similarity, peak) / multiple
    return exact


def _vertex(similarity: Doubles, peak: int) -> float:
    before, at, after = similarity[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return peak + (float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0)


def pitch_classes(waveform: Waveform) -> Doubles | None:
    """Strength of the twelve pitch classes (C first), from spectral peaks of 55 Hz to 2 kHz; none for silence."""
    mono = resample(to_mono(waveform), _RATE).samples[0].astype(np.float64)
    size = 8192
    if len(mono) < size:
        mono = np.pad(mono, (0, size - len(mono)))
    frequencies, _, spectrum = stft(mono, _RATE, nperseg=size, noverlap=size // 2, boundary=None)
    magnitude = np.abs(spectrum)
    peaks = np.zeros_like(magnitude)
    inner = magnitude[1:-1]
    peaks[1:-1] = np.where((inner > magnitude[:-2]) & (inner > magnitude[2:]), inner, 0)
    band = (frequencies >= 55) & (frequencies <= 2000)
    loudest = float(magnitude[band].max())
    if loudest < 1e-5:
        return None
    peaks[peaks < loudest * 1e-3] = 0
    pitches = np.round(12 * np.log2(frequencies[band] / 440) + 69).astype(np.int64) % 12
    chroma = np.zeros(12)
    np.add.at(chroma, pitches, np.sqrt(peaks[band]).sum(axis=1))
    return chroma


def _correlation(profile: npt.NDArray[np.float64], chroma: Doubles) -> float:
    a, b = profile - profile.mean(), chroma - chroma.mean()
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-12))
