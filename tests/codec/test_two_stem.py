import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.codec.mel import band_features
from songbloom_x2.codec.two_stem import TwoStemCodec, resting
from songbloom_x2.codec.voice_renderer import silent_bands
from songbloom_x2.codec.whitening import CovarianceSum, Whitening
from songbloom_x2.config import TwoStemConfig


def small_codec() -> TwoStemCodec:
    torch.manual_seed(5)
    codec = TwoStemCodec(TwoStemConfig(decoder_dim=16, decoder_layers=2)).eval()
    generator = torch.Generator().manual_seed(6)
    for whitening in (codec.voice_whitening, codec.band_whitening):
        raw, kept = len(whitening.mean), len(whitening.scale)
        mixing = torch.randn(raw, kept, generator=generator)
        rows = torch.randn(4 * raw, kept, generator=generator) @ mixing.T
        total = CovarianceSum(raw)
        total.add(rows * 0.1 + (silent_bands(64, 40).repeat(4) if raw == 416 else 0))
        total.fit(whitening)
    return codec


CODEC = small_codec()


def voice(frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(rng.standard_normal((1, frames, 104)).astype(np.float32))
    f0 = torch.from_numpy(rng.uniform(90, 500, (1, frames)).astype(np.float32))
    return rows, f0, torch.from_numpy(rng.random((1, frames)) < 0.6)


def test_layout_of_a_latent_frame() -> None:
    rows, f0, voiced = voice(8)
    latents = CODEC.encode_voice(rows, f0, voiced)
    assert latents.shape == (1, 56, 2)
    flags = latents[0, 48:52].T.flatten()
    assert torch.equal(flags > 0, voiced[0])
    assert torch.equal(flags.abs(), torch.ones(8))
    pitch = latents[0, 52:56].T.flatten() * 2 + 60
    midi = 69 + 12 * torch.log2(f0[0] / 440)
    torch.testing.assert_close(pitch[voiced[0]], midi[voiced[0]])


def test_f0_is_drawn_through_the_unvoiced() -> None:
    rows = torch.zeros(1, 8, 104)
    f0 = torch.tensor([[0, 0, 220, 0, 0, 0, 440, 0.0]])
    latents = CODEC.encode_voice(rows, f0, f0 > 0)
    pitch = latents[0, 52:56].T.flatten() * 2 + 60
    torch.testing.assert_close(pitch, torch.tensor([57, 57, 57, 60, 63, 66, 69, 69.0]))
    nothing = CODEC.encode_voice(rows, f0, torch.zeros_like(f0, dtype=torch.bool))
    torch.testing.assert_close(nothing[0, 52:56], torch.zeros(4, 2))


def test_voice_frames_come_back() -> None:
    rows, f0, voiced = voice(12)
    latents = CODEC.encode_voice(rows, f0, voiced)
    again = torch.cat([latents, torch.zeros(1, 64, 3)], dim=1)
    spectrum, hertz, voicing = CODEC.voice_frames_of(again)
    assert spectrum.shape == (1, 12, 104)
    assert torch.equal(voicing > 0.5, voiced)
    torch.testing.assert_close(hertz[voiced], f0[voiced], rtol=1e-4, atol=0)
    rested = resting(rows, voiced, 64)
    projected = CODEC.voice_whitening.decode(CODEC.voice_whitening.encode(rested.reshape(1, 3, 416)))
    torch.testing.assert_close(spectrum.reshape(1, 3, 416), projected)


def test_unvoiced_harmonics_fade_to_rest_whatever_they_held() -> None:
    rows, _, _ = voice(60)
    voiced = torch.zeros(1, 60, dtype=torch.bool)
    voiced[0, 10:14] = True
    rested = resting(rows, voiced, 64)
    assert torch.equal(rested[..., 64:], rows[..., 64:])
    torch.testing.assert_close(rested[voiced], rows[voiced])
    torch.testing.assert_close(rested[0, 23, :64], -1 + (rows[0, 13, :64] + 1) * math.exp(-1))
    torch.testing.assert_close(rested[0, 0, :64], -1 + (rows[0, 10, :64] + 1) * math.exp(-1))
    louder = torch.where(voiced.unsqueeze(2), rows, rows + 3)
    torch.testing.assert_close(resting(louder, voiced, 64)[..., :64], rested[..., :64])
    silent = resting(rows, torch.zeros_like(voiced), 64)
    torch.testing.assert_close(silent[..., :64], torch.full((1, 60, 64), -1.0))


def test_a_mixture_goes_to_the_band_and_leaves_the_voice_silent() -> None:
    audio = 0.1 * torch.randn(2, 2, 1920 * 5 - 7, generator=torch.Generator().manual_seed(0))
    latents = CODEC.encode(audio)
    assert latents.shape == (2, 120, 5)
    torch.testing.assert_close(latents[:, :56], CODEC.silent_voice(2, 5))
    torch.testing.assert_close(latents[:, 56:], CODEC.encode_band(audio))
    voice_stem, _ = CODEC.decode_stems(latents)
    assert voice_stem.abs().max() < 0.01


def test_stems_of_different_lengths_are_completed_with_silence() -> None:
    rows, f0, voiced = voice(9)
    audio = torch.zeros(1, 2, 1920)
    latents = CODEC.encode_stems(rows, f0, voiced, audio)
    assert latents.shape == (1, 120, 3)
    torch.testing.assert_close(latents[:, 56:], CODEC.encode_band(torch.zeros(1, 2, 3 * 1920)))
    longer = CODEC.encode_stems(rows, f0, voiced, torch.zeros(1, 2, 1920 * 6))
    torch.testing.assert_close(longer[:, :56, 4:], CODEC.silent_voice(1, 2)[..., :2])


def test_band_features_survive_as_far_as_the_components_go() -> None:
    audio = 0.1 * torch.randn(1, 2, 1920 * 6, generator=torch.Generator().manual_seed(2))
    features = band_features(audio)
    latents = torch.cat([torch.zeros(1, 56, 6), CODEC.encode_features(features)], dim=1)
    rows = features.reshape(1, 6, 768)
    wanted = CODEC.band_whitening.decode(CODEC.band_whitening.encode(rows))
    torch.testing.assert_close(CODEC.band_features_of(latents).reshape(1, 6, 768), wanted)


def test_the_mix_is_the_sum_of_its_stems() -> None:
    latents = 0.5 * torch.randn(2, 120, 6, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        first, second = CODEC.decode_stems(latents)
        mix = CODEC.decode(latents)
    assert mix.shape == (2, 2, 6 * 1920)
    torch.testing.assert_close(mix, first + second)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 40), max_size=6), frames=st.integers(0, 40))
def test_streamed_is_whole(cuts: list[int], frames: int) -> None:
    latents = 0.3 * torch.randn(1, 120, frames, generator=torch.Generator().manual_seed(frames))
    with torch.inference_mode():
        whole = CODEC.decode(latents)[0]
    stream, edges = CODEC.open_stream(), [0, *sorted(min(cut, frames) for cut in cuts), frames]
    parts = [stream.push(latents[0, :, low:high]) for low, high in pairwise(edges)]
    parts.append(stream.flush())
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-4, rtol=0)


def test_a_flushed_stream_is_over() -> None:
    stream = CODEC.open_stream()
    stream.flush()
    with pytest.raises(RuntimeError, match="over"):
        stream.push(torch.zeros(120, 1))


def test_whitening_has_unit_variance_and_undoes_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(5000, 12, generator=generator) @ torch.randn(12, 12, generator=generator) + 3
    whole, parts = CovarianceSum(12), CovarianceSum(12)
    whole.add(rows)
    for part in torch.split(rows, 700):
        parts.add(part)
    first, second = Whitening(12, 12), Whitening(12, 12)
    values = whole.fit(first)
    parts.fit(second)
    torch.testing.assert_close(first.components, second.components, atol=1e-4, rtol=0)
    assert (values.diff() <= 0).all()
    code = first.encode(rows)
    torch.testing.assert_close(code.T.cov(), torch.eye(12), atol=2e-2, rtol=0)
    torch.testing.assert_close(first.decode(code), rows, atol=1e-4, rtol=1e-4)


def test_too_few_rows_are_refused() -> None:
    total = CovarianceSum(5)
    total.add(torch.randn(4, 5))
    with pytest.raises(ValueError, match="too few"):
        total.fit(Whitening(5, 2))


def test_a_louder_voice_is_louder_in_stems_and_stream_alike() -> None:
    louder = TwoStemCodec(replace(CODEC.config, voice_level_db=6.0)).eval()
    louder.load_state_dict(CODEC.state_dict())
    rows, f0, voiced = voice(80)
    latents = torch.cat([CODEC.encode_voice(rows, f0, voiced), torch.zeros(1, 64, 20)], dim=1)
    plain, band = CODEC.decode_stems(latents)
    found, same_band = louder.decode_stems(latents)
    torch.testing.assert_close(found, plain * 10 ** (6 / 20))
    assert torch.equal(band, same_band)
    stream = louder.open_stream()
    whole = torch.cat([stream.push(latents[0]), stream.flush()], dim=1)
    torch.testing.assert_close(whole, (found + band)[0], atol=1e-4, rtol=0)
