"""``stable_audio_1920_vae.json``: the codec's shape, as the Stable-Audio autoencoder writes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.checkpoints.safe_yaml import read_json
from songbloom_x2.config import OobleckConfig

_CHANGES = "is unknown and could change the sound; this codec cannot be used"
_ENCODER_KEYS = ("in_channels", "channels", "latent_dim", "c_mults", "strides", "use_snake", "antialias_activation")
_DECODER_KEYS = (
    *("out_channels", "channels", "latent_dim", "c_mults", "strides", "use_snake", "antialias_activation"),
    *("use_nearest_upsample", "final_tanh"),
)
_MODEL_KEYS = (
    *("encoder", "decoder", "bottleneck", "latent_dim", "downsampling_ratio", "io_channels"),
    *("in_channels", "out_channels", "pretransform", "soft_clip"),
)


@dataclass(frozen=True)
class ReleasedCodec:
    """The codec's config with the rates that belong to it."""

    config: OobleckConfig
    latent_dim: int
    sample_rate: int
    samples_per_frame: int


def read_codec(path: Path) -> ReleasedCodec:
    """Read the codec's JSON; ``CheckpointError`` names what is missing or not supported."""
    top = Fields(read_json(path), path.name)
    if top.has("model_type"):
        top.same("model_type", "autoencoder", None)
    model = top.fields("model")
    model.only(_MODEL_KEYS, _CHANGES)
    model.same("pretransform", None, None)
    model.same("soft_clip", False, False)
    bottleneck = model.fields("bottleneck")
    bottleneck.same("type", "vae", None)
    encoder, decoder = (_network(model.fields(side), keys) for side, keys in _sides())
    channels = encoder.integer("in_channels", 2, most=64)
    decoder.same("out_channels", channels, 2)
    for key in ("io_channels", "in_channels", "out_channels"):
        model.same(key, channels, channels)
    config = OobleckConfig(
        channels=encoder.integer("channels", 128),
        multipliers=encoder.integers("c_mults", most=2**12),
        strides=encoder.integers("strides", most=2**10),
        final_tanh=decoder.boolean("final_tanh", True),
        audio_channels=channels,
    )
    decoder.same("channels", config.channels, 128)
    decoder.same("c_mults", list(config.multipliers), None)
    decoder.same("strides", list(config.strides), None)
    latent_dim = model.integer("latent_dim")
    decoder.same("latent_dim", latent_dim, None)
    encoder.same("latent_dim", 2 * latent_dim, None)
    samples_per_frame = math.prod(config.strides)
    model.same("downsampling_ratio", samples_per_frame, samples_per_frame)
    if len(config.strides) != len(config.multipliers):
        raise encoder.error("strides", "has not as many entries as 'c_mults'")
    return ReleasedCodec(config, latent_dim, top.integer("sample_rate"), samples_per_frame)


def _sides() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("encoder", _ENCODER_KEYS), ("decoder", _DECODER_KEYS))


def _network(side: Fields, keys: tuple[str, ...]) -> Fields:
    side.same("type", "oobleck", None)
    network = side.fields("config")
    network.only(keys, _CHANGES)
    network.same("use_snake", True, False)
    network.same("antialias_activation", False, False)
    network.same("use_nearest_upsample", False, False)
    return network
