"""The untrained rival of the band decoder: magnitudes read off the bands, phases by Griffin-Lim."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.codec.band_decoder import centred_inverse
from songbloom_x2.codec.mel import (
    FLOOR,
    HOP,
    MID_MELS,
    N_FFT,
    SAMPLE_RATE,
    SIDE_MELS,
    feature_margin,
    mel_interpolation,
)


def griffin_lim(features: Tensor, generator: torch.Generator, iterations: int = 32) -> Tensor:
    """Band features ``[B, T, 192]`` to sound ``[B, 2, 480 T]``; ``generator`` draws the first phases."""
    bins = N_FFT // 2 + 1
    mid, side = (torch.from_numpy(mel_interpolation(bands, bins, SAMPLE_RATE / 2)) for bands in (MID_MELS, SIDE_MELS))
    levels = torch.stack([features[..., :MID_MELS] @ mid, features[..., MID_MELS:] @ side], dim=2)
    magnitudes = (torch.exp(levels) - FLOOR).clamp(min=0)
    window, margin = torch.hann_window(N_FFT), feature_margin()
    angle = torch.rand(magnitudes.shape, generator=generator) * (2 * torch.pi)
    spectrum = torch.polar(magnitudes, angle)
    for _ in range(iterations):
        signal = centred_inverse(spectrum, N_FFT)
        frames = F.pad(signal, (margin, margin)).unfold(2, N_FFT, HOP).transpose(1, 2) * window
        seen = torch.fft.rfft(frames.roll(-N_FFT // 2, dims=-1))
        spectrum = magnitudes * seen / seen.abs().clamp(min=1e-6)
    mid_signal, side_signal = centred_inverse(spectrum, N_FFT).unbind(1)
    return torch.stack([mid_signal + side_signal, mid_signal - side_signal], dim=1)
