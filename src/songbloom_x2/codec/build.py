"""The codec that a model's configuration asks for, with fresh weights."""

from __future__ import annotations

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import OobleckConfig, SongConfig
from songbloom_x2.errors import ConfigError


def build_codec(config: SongConfig) -> Codec:
    """Build the codec of ``config``.

    Raises ``ConfigError`` where the codec does not fit the model's frame length or latent width.
    """
    codec: Codec
    if isinstance(config.codec, OobleckConfig):
        codec = OobleckAutoencoder(config.codec, config.latent_dim, config.sample_rate)
    else:
        # Imported here, so that the released model does not load the embedded codec's code.
        from songbloom_x2.codec.two_stem import TwoStemCodec

        codec = TwoStemCodec(config.codec)
    for name, made, wanted in (
        ("samples a frame", codec.samples_per_frame, config.samples_per_frame),
        ("samples a second", codec.sample_rate, config.sample_rate),
        ("values a latent frame", codec.latent_dim, config.latent_dim),
    ):
        if made != wanted:
            raise ConfigError(f"model '{config.name}': its codec has {made} {name}, the model needs {wanted}")
    return codec
