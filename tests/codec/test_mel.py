import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.codec.mel import (
    FLOOR,
    HOP,
    band_features,
    feature_margin,
    mel_centres,
    mel_filterbank,
    mel_interpolation,
)


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("bands", "bins", "nyquist"), [(128, 1025, 24000), (64, 1025, 24000), (40, 601, 12000)])
def test_every_band_averages_some_bins(bands: int, bins: int, nyquist: float) -> None:
    weights = mel_filterbank(bands, bins, nyquist)
    assert weights.shape == (bands, bins)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    centres = mel_centres(bands, bins, nyquist)
    assert (np.diff(centres) >= 1 - 1e-9).all()
    assert centres[-1] == pytest.approx(bins - 1)


def test_interpolation_passes_through_the_centres() -> None:
    lines = mel_interpolation(40, 601, 12000)
    values = np.random.default_rng(0).standard_normal(40)
    centres = mel_centres(40, 601, 12000)[1:-1]
    np.testing.assert_allclose((values @ lines)[0], values[0], rtol=1e-5)
    whole = np.flatnonzero(np.abs(centres - centres.round()) < 1e-9)
    np.testing.assert_allclose((values @ lines)[centres[whole].round().astype(int)], values[whole], rtol=1e-5)


def test_silence_is_the_floor_and_length_is_exact() -> None:
    features = band_features(torch.zeros(2, 2, 7 * HOP))
    assert features.shape == (2, 7, 192)
    torch.testing.assert_close(features, torch.full_like(features, math.log(FLOOR)), atol=1e-4, rtol=0)


def test_a_sine_shows_in_its_band_and_only_in_the_middle() -> None:
    time = torch.arange(48000) / 48000
    tone = torch.sin(2 * torch.pi * 1000 * time).expand(1, 2, -1)
    features = band_features(tone)
    mid, side = features[0, 50, :128], features[0, 50, 128:]
    centre = mel_centres(128, 1025, 24000)[1:-1][mid.argmax()] * 24000 / 1024
    assert centre == pytest.approx(1000, abs=25)
    torch.testing.assert_close(side, torch.full_like(side, math.log(FLOOR)), atol=1e-4, rtol=0)


def test_a_click_is_loudest_in_the_frame_that_holds_it() -> None:
    audio = torch.zeros(1, 2, 40 * HOP)
    audio[..., 17 * HOP + HOP // 2] = 1
    assert band_features(audio)[0, :, 100].argmax() == 17


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 19), frames=st.integers(1, 10))
def test_chunks_with_margins_give_the_frames_of_the_whole(start: int, frames: int) -> None:
    audio, margin = noise(30 * HOP), feature_margin()
    whole = band_features(audio)
    around = torch.nn.functional.pad(audio, (margin, margin))
    part = around[..., start * HOP : (start + frames) * HOP + 2 * margin]
    torch.testing.assert_close(band_features(part, padded=True), whole[:, start : start + frames])


def test_half_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 480"):
        band_features(torch.zeros(1, 2, 700))
