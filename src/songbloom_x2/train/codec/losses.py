"""How far two sounds are apart, by ear rather than by sample: magnitudes at several resolutions, and mel bands."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from songbloom_x2.codec.mel import N_FFT, band_features

DECIBELS = 20 / 2.302585
"""Natural-log magnitudes to decibels."""


class SpectralLoss(nn.Module):
    """Log-magnitude L1 and spectral convergence, averaged over ``sizes`` (STFT lengths, hop a quarter)."""

    def __init__(self, sizes: tuple[int, ...] = (512, 1024, 2048, 4096, 8192)) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, sound: Tensor, target: Tensor, sizes: tuple[int, ...] | None = None) -> Tensor:
        """``[B, C, N]`` each, to a scalar. ``sizes``: use only these."""
        terms = [self._at(sound.flatten(0, 1), target.flatten(0, 1), size) for size in sizes or self.sizes]
        return torch.stack(terms).mean()

    def _at(self, sound: Tensor, target: Tensor, size: int) -> Tensor:
        made, wanted = _magnitudes(sound, size), _magnitudes(target, size)
        floor = 1e-2 * size / N_FFT
        log_distance = (torch.log(made + floor) - torch.log(wanted + floor)).abs().mean()
        distance = (made - wanted).flatten(1).norm(dim=1) / (wanted.flatten(1).norm(dim=1) + floor * size)
        total: Tensor = log_distance + 0.5 * distance.mean()
        return total


def _magnitudes(signal: Tensor, size: int) -> Tensor:
    window = torch.hann_window(size, device=signal.device)
    spectrum = torch.stft(signal, size, size // 4, window=window, center=False, return_complex=True)
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)


def mel_distance(sound: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the band features of two sounds ``[B, 2, N]``, in dB."""
    return (band_features(sound) - band_features(target)).abs().mean() * DECIBELS
