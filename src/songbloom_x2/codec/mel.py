"""Fixed log-mel features of a stereo sound: what the band's half of the two-stem latent is made of.

Knows nothing of PCA, latents or decoders. The same filterbank builder serves the voice's 24 kHz bands.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLE_RATE = 48000
HOP = 480
"""Samples between two feature frames: 100 a second, four a latent frame."""
N_FFT = 2048
MID_MELS = 128
SIDE_MELS = 64
FLOOR = 5e-2
"""Added to the magnitudes before the logarithm; a full-scale sine peaks at 512, so this is -80 dB."""

FloatArray = npt.NDArray[np.float32]


def mel_centres(bands: int, bins: int, nyquist: float) -> npt.NDArray[np.float64]:
    """Centres of ``bands`` mel bands and of the two beyond their ends, in FFT bins: ``[bands + 2]``.

    Equally spaced on the HTK mel scale from 0 to ``nyquist``; where that is closer than one bin, one bin apart, so
    that every band holds at least one bin. ``bins`` counts those of a real FFT (``n_fft / 2 + 1``).
    """
    top = 2595 * np.log10(1 + nyquist / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    return np.maximum(hertz / nyquist * (bins - 1), np.arange(bands + 2, dtype=np.float64))


def mel_filterbank(bands: int, bins: int, nyquist: float) -> FloatArray:
    """Triangular filters over FFT bins, each summing to one: ``[bands, bins]``."""
    centres = mel_centres(bands, bins, nyquist)
    low, middle, high = centres[:-2, None], centres[1:-1, None], centres[2:, None]
    bin_index = np.arange(bins)[None]
    rising, falling = (bin_index - low) / (middle - low), (high - bin_index) / (high - middle)
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(weights / weights.sum(1, keepdims=True), dtype=np.float32)


def mel_interpolation(bands: int, bins: int, nyquist: float) -> FloatArray:
    """From bands back to bins by straight lines between the centres, held beyond the ends: ``[bands, bins]``."""
    centres = mel_centres(bands, bins, nyquist)[1:-1]
    lines = [np.interp(np.arange(bins), centres, row) for row in np.eye(bands)]
    return np.stack(lines).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _window(device: torch.device, n_fft: int) -> Tensor:
    with torch.inference_mode(False):
        return torch.hann_window(n_fft, device=device)


@functools.lru_cache(maxsize=4)
def _window_centre(device: torch.device, n_fft: int) -> Tensor:
    """What moves the origin of the phases from a frame's start to its centre: 1, -1, 1, ..."""
    with torch.inference_mode(False):
        return 1.0 - 2.0 * (torch.arange(n_fft // 2 + 1, device=device) % 2)


@functools.lru_cache(maxsize=4)
def _filters(device: torch.device, mid: int, side: int, bins: int) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):
        first, second = (torch.from_numpy(mel_filterbank(bands, bins, SAMPLE_RATE / 2)) for bands in (mid, side))
        return first.to(device), second.to(device)


def band_features(
    audio: Tensor,
    *,
    mid_mels: int = MID_MELS,
    side_mels: int = SIDE_MELS,
    n_fft: int = N_FFT,
    padded: bool = False,
) -> Tensor:
    """Log-mel magnitudes of mid and side: ``[B, 2, N]`` at 48 kHz -> ``[B, N / 480, mid + side]``, natural log.

    Frame ``k`` is centred on sample ``480 k + 240``, so it describes the samples ``480 k`` to ``480 k + 479``; beyond
    the ends the sound counts as silence. With ``padded``, ``audio`` already carries ``n_fft / 2 - 240`` samples
    of its surroundings on both sides and nothing is added: chunks of a long sound then give exactly the whole's
    frames. ``N`` must be a multiple of 480 (after taking the padding off).
    """
    spectrum = mid_side_spectrum(audio, n_fft=n_fft, padded=padded)
    return log_mel(torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-12), mid_mels, side_mels)


def log_mel(magnitudes: Tensor, mid_mels: int, side_mels: int) -> Tensor:
    """Magnitudes of mid and side ``[B, 2, T, bins]`` to log-mel ``[B, T, mid + side]``."""
    mid, side = _filters(magnitudes.device, mid_mels, side_mels, magnitudes.shape[-1])
    return torch.log(torch.cat([magnitudes[:, 0] @ mid.T, magnitudes[:, 1] @ side.T], dim=-1) + FLOOR)


def mid_side_spectrum(audio: Tensor, *, n_fft: int = N_FFT, padded: bool = False) -> Tensor:
    """STFT of mid and side of ``[B, 2, N]``: ``[B, 2, T, bins]``, framed as ``band_features`` says.

    Phases are counted from a frame's centre.
    """
    margin = feature_margin(n_fft)
    if not padded:
        audio = F.pad(audio, (margin, margin))
    if (audio.shape[-1] - 2 * margin) % HOP:
        raise ValueError(f"audio must hold a multiple of {HOP} samples, not {audio.shape[-1] - 2 * margin}")
    left, right = audio.float().unbind(1)
    signals = torch.stack([(left + right) / 2, (left - right) / 2], dim=1)
    window = _window(audio.device, n_fft)
    spectrum = torch.stft(signals.flatten(0, 1), n_fft, HOP, window=window, center=False, return_complex=True)
    spectrum = spectrum.view(len(signals), 2, *spectrum.shape[1:]).transpose(2, 3)
    return spectrum * _window_centre(audio.device, n_fft)


def feature_margin(n_fft: int = N_FFT) -> int:
    """Samples before its first and behind its last that a stretch of sound needs for exact features."""
    return n_fft // 2 - HOP // 2
