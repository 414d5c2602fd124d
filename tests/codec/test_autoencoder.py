"""The released autoencoder against the golden files, and what its configuration promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.codec.build import build_codec
from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SongConfig
from songbloom_x2.errors import ConfigError

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("prepend-flow", "adaln-v", "edges")


def golden_codec(name: str) -> OobleckAutoencoder:
    settings = json.loads((GOLDEN / name / "stable_audio_1920_vae.json").read_text())["model"]["decoder"]["config"]
    config = OobleckConfig(
        channels=settings["channels"],
        multipliers=tuple(settings["c_mults"]),
        strides=tuple(settings["strides"]),
        final_tanh=settings["final_tanh"],
    )
    codec = OobleckAutoencoder(config, settings["latent_dim"])
    path = GOLDEN / name / "autoencoder_music_dsp1920.ckpt"
    codec.load_state_dict(torch.load(path, weights_only=True)["state_dict"], strict=True)
    return codec.eval().requires_grad_(False)


def golden_tensors(name: str) -> dict[str, torch.Tensor]:
    return load_file(GOLDEN / name / f"{name}.golden.safetensors")


def random_codec(strides: tuple[int, ...] = (2, 4), final_tanh: bool = True) -> OobleckAutoencoder:
    torch.manual_seed(0)
    multipliers = tuple(range(1, len(strides) + 1))
    config = OobleckConfig(channels=3, multipliers=multipliers, strides=strides, final_tanh=final_tanh)
    return OobleckAutoencoder(config, latent_dim=5).eval().requires_grad_(False)


@pytest.mark.parametrize("name", NAMES)
def test_released_weights_give_the_golden_sound(name: str) -> None:
    codec, golden = golden_codec(name), golden_tensors(name)
    torch.testing.assert_close(codec.encode_raw(golden["codec.in"]), golden["codec.encoder_out"], atol=1e-4, rtol=0)
    torch.testing.assert_close(codec.decode(golden["codec.latent"]), golden["codec.out"], atol=1e-4, rtol=0)
    torch.testing.assert_close(codec.decode(golden["gen.latents"]), golden["gen.audio"], atol=1e-3, rtol=0)


def test_a_missing_or_extra_key_is_refused() -> None:
    codec = golden_codec("edges")
    state = codec.state_dict()
    state["decoder.layers.9.alpha"] = state.pop("decoder.layers.6.alpha")
    with pytest.raises(RuntimeError, match=r"decoder\.layers\.6\.alpha"):
        codec.load_state_dict(state)


def test_folded_weights_sound_the_same() -> None:
    codec, golden = golden_codec("adaln-v"), golden_tensors("adaln-v")
    raw, sound = codec.encode_raw(golden["codec.in"]), codec.decode(golden["codec.latent"])
    before = len(codec.state_dict())
    codec.fold_weight_norm()
    codec.fold_weight_norm()
    torch.testing.assert_close(codec.encode_raw(golden["codec.in"]), raw, atol=1e-5, rtol=0)
    torch.testing.assert_close(codec.decode(golden["codec.latent"]), sound, atol=1e-5, rtol=0)
    names = list(codec.state_dict())
    assert not [name for name in names if name.endswith(("weight_g", "weight_v"))]
    assert before - len(names) == len([name for name in names if name.endswith("weight")])
    assert not any(parameter.requires_grad for parameter in codec.parameters())


def test_the_mean_is_what_encode_gives() -> None:
    codec, golden = golden_codec("edges"), golden_tensors("edges")
    mean, deviation = codec.posterior(golden["codec.in"])
    assert torch.equal(codec.encode(golden["codec.in"]), mean)
    scale = golden["codec.encoder_out"][:, codec.latent_dim :]
    torch.testing.assert_close(deviation, torch.log1p(scale.exp()) + 1e-4, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1919, 0), (1920, 1), (33600, 17)])
def test_only_whole_frames_are_encoded(samples: int, frames: int) -> None:
    assert golden_codec("edges").encode(torch.zeros(1, 2, samples)).shape == (1, 8, frames)


def test_no_latents_are_no_sound() -> None:
    assert golden_codec("edges").decode(torch.zeros(3, 8, 0)).shape == (3, 2, 0)


def reach(values: torch.Tensor) -> tuple[int, int]:
    indices = values.abs().nonzero()[:, 0].tolist()
    return indices[0], indices[-1]


@pytest.mark.parametrize("strides", [(2, 4), (6, 2, 4), (10,), (2, 4, 4, 6, 10)])
def test_the_receptive_field_is_exact(strides: tuple[int, ...]) -> None:
    codec = random_codec(strides).double()
    hop, frame, total = codec.samples_per_frame, 60, 121

    latents = torch.randn(1, 5, total, dtype=torch.float64, requires_grad=True)
    sound = codec.decode(latents)[..., frame * hop : (frame + 1) * hop]
    (slope,) = torch.autograd.grad(sound.square().sum(), latents)
    context = codec.decoder_context
    assert reach(slope[0].abs().sum(0)) == (frame - context.left, frame + context.right)

    audio = torch.randn(1, 2, total * hop, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(codec.encode_raw(audio)[..., frame].square().sum(), audio)
    first, last = reach(slope[0].abs().sum(0))
    context = codec.encoder_context
    assert (first // hop, last // hop) == (frame - context.left, frame + context.right)


def test_half_precision_regions_do_not_reach_the_codec() -> None:
    codec, golden = golden_codec("edges"), golden_tensors("edges")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sound = codec.decode(golden["codec.latent"])
        raw = codec.encode_raw(golden["codec.in"])
    torch.testing.assert_close(sound, golden["codec.out"], atol=1e-4, rtol=0)
    torch.testing.assert_close(raw, golden["codec.encoder_out"], atol=1e-4, rtol=0)


def test_final_tanh_limits_the_sound() -> None:
    latents = 50 * torch.randn(1, 5, 20)
    assert random_codec(final_tanh=True).decode(latents).abs().max() <= 1
    assert random_codec(final_tanh=False).decode(latents).abs().max() > 1


def test_the_full_size_has_the_released_shapes() -> None:
    with torch.device("meta"):
        codec = OobleckAutoencoder(OobleckConfig(), latent_dim=64)
    shapes = {name: tuple(tensor.shape) for name, tensor in codec.state_dict().items()}
    assert len(shapes) == 365
    assert shapes["encoder.layers.0.weight_v"] == (128, 2, 7)
    assert shapes["encoder.layers.5.layers.4.weight_v"] == (2048, 1024, 20)
    assert shapes["encoder.layers.7.weight_v"] == (128, 2048, 3)
    assert shapes["decoder.layers.1.layers.1.weight_g"] == (2048, 1, 1)
    assert shapes["decoder.layers.7.weight_v"] == (2, 128, 7)
    assert "decoder.layers.7.bias" not in shapes
    assert codec.samples_per_frame == 1920


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (OobleckConfig(strides=(2, 4)), "2 strides for 5 multipliers"),
        (OobleckConfig(strides=(), multipliers=()), "0 strides"),
        (OobleckConfig(strides=(2, 4, 4, 5, 12)), "must be even"),
    ],
)
def test_a_network_without_whole_frames_is_refused(config: OobleckConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OobleckAutoencoder(config, latent_dim=8)


def song_config(codec: OobleckConfig, latent_dim: int = 64) -> SongConfig:
    lyrics = LyricsConfig(vocabulary=("", "a"))
    return SongConfig("tiny", lyrics, PromptConfig(), codec, latent_dim=latent_dim)


def test_a_song_config_gets_its_codec() -> None:
    codec = build_codec(song_config(OobleckConfig(channels=2), latent_dim=8))
    assert isinstance(codec, OobleckAutoencoder)
    assert (codec.sample_rate, codec.samples_per_frame, codec.channels, codec.latent_dim) == (48000, 1920, 2, 8)


def test_a_codec_of_another_frame_length_is_refused() -> None:
    codec = OobleckConfig(channels=2, multipliers=(1, 2), strides=(2, 4))
    with pytest.raises(ConfigError, match="its codec has 8 samples a frame, the model needs 1920"):
        build_codec(song_config(codec))
