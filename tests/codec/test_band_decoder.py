import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.codec import band_decoder
from songbloom_x2.codec.band_decoder import BandDecoder, centred_inverse, oscillator_frequencies
from songbloom_x2.codec.mel import HOP, N_FFT, band_features, feature_margin


def small() -> BandDecoder:
    torch.manual_seed(3)
    decoder = BandDecoder(128, 64, 16, 2).eval()
    torch.nn.init.normal_(decoder.tonal.bias, -3.0)
    return decoder


def test_inverse_undoes_the_framing_of_the_features() -> None:
    sound = torch.randn(1, 2, 40 * HOP, generator=torch.Generator().manual_seed(0))
    margin = feature_margin()
    frames = torch.nn.functional.pad(sound, (margin, margin)).unfold(2, N_FFT, HOP).transpose(1, 2)
    spectrum = torch.fft.rfft((frames * torch.hann_window(N_FFT)).roll(-N_FFT // 2, dims=-1))
    again = centred_inverse(spectrum, N_FFT)
    torch.testing.assert_close(again[..., 4 * HOP : -4 * HOP], sound[..., 4 * HOP : -4 * HOP], atol=1e-5, rtol=0)


def test_an_oscillator_holds_its_pitch_between_the_frames() -> None:
    tones = oscillator_frequencies()
    level = torch.full((1, 60, 2 * len(tones)), -30.0)
    level[..., 137] = 4.0
    spectrum = band_decoder._oscillate(level, 0, N_FFT)
    spectrum = torch.nn.functional.pad(spectrum, (0, N_FFT // 2 + 1 - spectrum.shape[-1]))
    sound = centred_inverse(spectrum, N_FFT)[0, 0, 5 * HOP : -5 * HOP].double()
    time = torch.arange(5 * HOP, 55 * HOP, dtype=torch.float64)
    expected = torch.cos(2 * torch.pi * tones[137] * time)
    amplitude = 2 * (sound * expected).mean()
    assert amplitude.item() == pytest.approx(2 / N_FFT * torch.tensor(4.0).exp().item(), rel=0.01)
    assert (sound - amplitude * expected).abs().max() < 0.01 * amplitude


def test_shape_and_first_magnitudes_come_from_the_features() -> None:
    decoder = BandDecoder(128, 64, 16, 1).eval()
    sound = 0.05 * torch.randn(2, 2, 50 * HOP, generator=torch.Generator().manual_seed(1))
    features = band_features(sound)
    with torch.inference_mode():
        made = decoder(features)
    assert made.shape == sound.shape
    difference = (band_features(made)[:, 5:-5] - features[:, 5:-5]).mean() * 8.686
    assert difference.abs() < 6


@settings(max_examples=10, deadline=None)
@given(start=st.integers(0, 40), length=st.integers(30, 60))
def test_context_frames_are_enough_for_an_exact_stretch(start: int, length: int) -> None:
    decoder, context = small(), small().context
    features = torch.randn(1, 120, 192, generator=torch.Generator().manual_seed(start))
    with torch.inference_mode():
        whole = decoder.render(features)
        low, high = max(start - context, 0), min(start + length + context, 120)
        part = decoder.render(features[:, low:high], low)
    wanted = whole[..., start * HOP : (start + length) * HOP]
    made = part[..., (start - low) * HOP : (start + length - low) * HOP]
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=1e-4)


def test_the_oscillators_follow_absolute_time() -> None:
    decoder = small()
    features = torch.zeros(1, 20, 192)
    with torch.inference_mode():
        assert not torch.allclose(decoder(features, 0), decoder(features, 1), atol=1e-4)


def test_matching_leads_the_sound_towards_its_features() -> None:
    decoder = small()
    features = band_features(0.05 * torch.randn(1, 2, 60 * HOP, generator=torch.Generator().manual_seed(4)))
    with torch.inference_mode():
        before, after = (band_features(make(features)) for make in (decoder, decoder.render))
    inner = slice(5, -5)
    distance = (after - features)[:, inner].abs().mean()
    assert distance < 0.7 * (before - features)[:, inner].abs().mean()
    with torch.inference_mode():
        assert decoder.render(features[:, :0]).shape == (1, 2, 0)
