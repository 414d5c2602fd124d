"""Transforms by matrix products are those of torch."""

from __future__ import annotations

import pytest
import torch

from songbloom_x2.export.framing import framed
from songbloom_x2.export.real_fft import RealFft


@pytest.mark.parametrize("n", [4, 24, 1200, 2048, 32768])
def test_there_and_back(n: int) -> None:
    generator = torch.Generator().manual_seed(n)
    fft, signal = RealFft(n), torch.randn(2, 3, n, generator=generator)
    wanted = torch.fft.rfft(signal)
    real, imaginary = fft(signal)
    scale = wanted.abs().max()
    assert (real - wanted.real).abs().max() < 1e-6 * scale
    assert (imaginary - wanted.imag).abs().max() < 1e-6 * scale
    spectrum = torch.randn(3, n // 2 + 1, dtype=torch.complex64, generator=generator)
    torch.testing.assert_close(fft.inverse(spectrum.real, spectrum.imag), torch.fft.irfft(spectrum, n))


@pytest.mark.parametrize("n", [7, 10])
def test_lengths_that_do_not_split_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"length {n}"):
        RealFft(n)


def test_frames_are_those_of_unfold() -> None:
    signal = torch.arange(40.0).view(2, 20)
    assert torch.equal(framed(signal, 8, 3), signal.unfold(1, 8, 3))
