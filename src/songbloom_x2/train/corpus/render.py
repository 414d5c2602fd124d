"""The reference renderer: voice frames at 100 Hz to a 24 kHz waveform. Slow and plain; the codec's must agree with
it.

Frame ``n`` is centred on sample ``240 n + 120`` (it describes samples ``240 n`` to ``240 n + 239``). With ``E_h``,
``E_n`` the 64 and 40 bands read at 601 bins (straight lines between ``band_centres``, held beyond the first and
last), ``FLOOR`` = 0.05:

    gain_h = max(exp(E_h) - FLOOR, 1e-4)                    harmonic gain, bin, frame
    gain_n = sqrt(max(exp(2 E_n) - FLOOR**2, 1e-6)) * sqrt(5 / 4)
    S      = gain_h * STFT(pulses(f0 * voiced)) / 300  +  gain_n * Z          601 bins of 20 Hz
    y      = ISTFT(S)

STFT and ISTFT: 1200 points, hop 240, periodic Hann; 480 zeros before and after the sound, so that frame ``n`` covers
samples ``240 n - 480`` to ``240 n + 719``; ISTFT: windowed again, overlap-added, divided by the summed squared window
(as far as frames reach), the 480 at both ends dropped. ``Z`` is complex Gaussian, unit variance in each of real and
imaginary part. ``pulses`` is a band-limited pulse train, ``sum_{h=1..H} cos(2 pi h phase)`` with ``H = floor(11000 /
f0)``; the sample-wise F0 is the straight line between frame centres (held before the first and after the last), and a
sample sounds where ``f0 * voiced``, read the same way, exceeds 40 Hz; phase is the running sum of ``max(that, 40) /
24000``. sqrt(5/4) keeps the noise as loud as at the synthesiser's own hop of 300.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

from songbloom_x2.train.corpus.voice_params import (
    BINS,
    FLOOR,
    HARMONIC_BANDS,
    HIGHEST_HARMONIC_HZ,
    LOWEST_VOICED_HZ,
    NOISE_BANDS,
    VoiceFrames,
    band_centres,
)
from songbloom_x2.types import FloatArray

SAMPLE_RATE = 24000
HOP = 240
N_FFT = 1200
MARGIN = (N_FFT - HOP) // 2


def expand(bands: FloatArray, count: int) -> FloatArray:
    """Bands ``[T, count]`` read at the 601 bins by straight lines between the band centres: ``[T, 601]``."""
    centres = band_centres(count)
    at = np.clip(np.arange(BINS, dtype=np.float32), centres[0], centres[-1])
    right = np.clip(np.searchsorted(centres, at, side="right"), 1, count - 1)
    weight = (at - centres[right - 1]) / (centres[right] - centres[right - 1])
    return np.asarray(bands[:, right - 1] * (1 - weight) + bands[:, right] * weight)


def pulses(f0: FloatArray) -> FloatArray:
    """Band-limited pulse train of ``f0 [T]`` (Hz at frame centres, 0 = silent): ``[T * 240]``."""
    samples = np.arange(len(f0) * HOP)
    hertz = np.interp(samples, np.arange(len(f0)) * HOP + HOP / 2, f0)
    sounding = hertz > LOWEST_VOICED_HZ
    hertz = np.maximum(hertz, LOWEST_VOICED_HZ)
    phase = 2 * np.pi * np.modf(np.cumsum(hertz) / SAMPLE_RATE)[0]
    order = np.floor(HIGHEST_HARMONIC_HZ / hertz) + 0.5
    half = 2 * np.sin(phase / 2)
    flat = np.abs(half) <= 2e-3
    half[flat] = 1
    train = np.where(flat, order, np.sin(order * phase) / half) - 0.5
    return np.where(sounding, train, 0).astype(np.float32)


def _frames(signal: FloatArray, count: int) -> FloatArray:
    padded = np.pad(signal, MARGIN)
    return np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:count]


def _overlap_add(frames: FloatArray) -> FloatArray:
    steps = N_FFT // HOP
    count = len(frames)
    out = np.zeros((count + steps - 1, HOP), np.float32)
    blocks = frames.reshape(count, steps, HOP)
    for step in range(steps):
        out[step : step + count] += blocks[:, step]
    return out.reshape(-1)


def render(frames: VoiceFrames, rng: np.random.Generator) -> FloatArray:
    """Sound of ``frames`` (T of them): float32 ``[T * 240]`` at 24 kHz. ``rng`` draws the noise."""
    count = len(frames.f0)
    if count < 4:
        return np.zeros(count * HOP, np.float32)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    source = pulses(np.where(frames.voiced, frames.f0, 0).astype(np.float32))
    spectrum = scipy.fft.rfft(_frames(source, count) * (window / 300), axis=1)
    spectrum *= np.maximum(np.exp(expand(frames.bands[:, :HARMONIC_BANDS], HARMONIC_BANDS)) - FLOOR, 1e-4)
    noise = np.exp(2 * expand(frames.bands[:, HARMONIC_BANDS:], NOISE_BANDS)) - FLOOR**2
    random = rng.standard_normal((count, 2 * BINS), dtype=np.float32).view(np.complex64)
    spectrum += random * np.sqrt(np.maximum(noise, 1e-6) * 1.25)
    sound = scipy.fft.irfft(spectrum.astype(np.complex64), n=N_FFT, axis=1) * window
    weight = _overlap_add(np.broadcast_to(window**2, sound.shape).copy())
    out = _overlap_add(sound) / np.maximum(weight, 1e-11)
    return np.asarray(out[MARGIN : MARGIN + count * HOP], np.float32)
