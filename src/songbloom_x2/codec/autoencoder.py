"""The released codec: the Stable-Audio "Oobleck" autoencoder (format page, "Codec").

Module names follow the released state dict, so that its keys load unchanged and strictly. Knows nothing of files,
devices or precision; it computes in the type of its own weights, which is float32 wherever it is used.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from songbloom_x2.codec.base import Codec, DecodeStream
from songbloom_x2.codec.chunked import Context, OverlapStream
from songbloom_x2.codec.context import Layer, downward, spread, upward
from songbloom_x2.codec.weight_norm import NormalisedConv1d, NormalisedConvTranspose1d, fold
from songbloom_x2.config import OobleckConfig
from songbloom_x2.errors import ConfigError

_DILATIONS = (1, 3, 9)
_ENDS_KERNEL = 7
_TO_LATENT_KERNEL = 3
_UNIT_KERNEL = 7


class SnakeBeta(nn.Module):
    """Periodic activation ``x + sin²(x·e^alpha) / (e^beta + 1e-9)``, one ``alpha`` and ``beta`` a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` to the same shape."""
        frequency = self.alpha.exp()[:, None]
        amplitude = 1 / (self.beta.exp() + 1e-9)[:, None]
        return x + amplitude * torch.sin(x * frequency).square()


class ResidualUnit(nn.Module):
    """A dilated convolution and a pointwise one, added to their input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            SnakeBeta(channels),
            NormalisedConv1d(channels, channels, _UNIT_KERNEL, padding=3 * dilation, dilation=dilation),
            SnakeBeta(channels),
            NormalisedConv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, N]`` to the same shape."""
        out: Tensor = x + self.layers(x)
        return out


class EncoderBlock(nn.Module):
    """Residual units, then down by ``stride``."""

    def __init__(self, width: int, wider: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(ResidualUnit(width, dilation) for dilation in _DILATIONS),
            SnakeBeta(width),
            NormalisedConv1d(width, wider, 2 * stride, stride=stride, padding=math.ceil(stride / 2)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, width, N]`` to ``[B, wider, N // stride]``."""
        out: Tensor = self.layers(x)
        return out


class DecoderBlock(nn.Module):
    """Up by ``stride``, then residual units."""

    def __init__(self, width: int, narrower: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            SnakeBeta(width),
            NormalisedConvTranspose1d(width, narrower, 2 * stride, stride=stride, padding=math.ceil(stride / 2)),
            *(ResidualUnit(narrower, dilation) for dilation in _DILATIONS),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, width, N]`` to ``[B, narrower, N * stride]``."""
        out: Tensor = self.layers(x)
        return out


class Encoder(nn.Module):
    """Audio ``[B, C, N]`` to ``[B, 2 * latent_dim, N // product of strides]``: means, then scales."""

    def __init__(self, config: OobleckConfig, latent_dim: int) -> None:
        super().__init__()
        widths = _widths(config)
        self.layers = nn.Sequential(
            NormalisedConv1d(config.audio_channels, widths[0], _ENDS_KERNEL, padding=3),
            *(EncoderBlock(*step) for step in zip(widths[:-1], widths[1:], config.strides, strict=True)),
            SnakeBeta(widths[-1]),
            NormalisedConv1d(widths[-1], 2 * latent_dim, _TO_LATENT_KERNEL, padding=1),
        )

    def forward(self, audio: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.layers(audio)
        return out


class Decoder(nn.Module):
    """Latents ``[B, latent_dim, T]`` to audio ``[B, C, T * product of strides]``."""

    def __init__(self, config: OobleckConfig, latent_dim: int) -> None:
        super().__init__()
        widths, strides = _widths(config)[::-1], config.strides[::-1]
        self.layers = nn.Sequential(
            NormalisedConv1d(latent_dim, widths[0], _ENDS_KERNEL, padding=3),
            *(DecoderBlock(*step) for step in zip(widths[:-1], widths[1:], strides, strict=True)),
            SnakeBeta(widths[-1]),
            NormalisedConv1d(widths[-1], config.audio_channels, _ENDS_KERNEL, padding=3, bias=False),
            nn.Tanh() if config.final_tanh else nn.Identity(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.layers(latents)
        return out


class OobleckAutoencoder(Codec):
    """The released autoencoder. State-dict keys: ``encoder.layers.…``, ``decoder.layers.…``.

    Raises ``ConfigError`` where multipliers and strides do not match, or a stride is odd (such a network does not
    give a whole number of samples a frame).
    """

    def __init__(self, config: OobleckConfig, latent_dim: int, sample_rate: int = 48000) -> None:
        super().__init__()
        if not config.strides or len(config.strides) != len(config.multipliers):
            raise ConfigError(
                f"codec: {len(config.strides)} strides for {len(config.multipliers)} multipliers; give one a stage"
            )
        if any(stride < 2 or stride % 2 for stride in config.strides):
            raise ConfigError(f"codec: strides {list(config.strides)} must be even, as in the released codec")
        self.sample_rate = sample_rate
        self.samples_per_frame = math.prod(config.strides)
        self.channels = config.audio_channels
        self.latent_dim = latent_dim
        self.encoder = Encoder(config, latent_dim)
        self.decoder = Decoder(config, latent_dim)
        self.encoder_context = _encoder_context(config.strides)
        self.decoder_context = _decoder_context(config.strides)
        self.reach = self.decoder_context.right

    def encode_raw(self, audio: Tensor) -> Tensor:
        """Audio ``[B, C, N]`` to the encoder's output ``[B, 2 * D, N // samples_per_frame]``: means, then scales."""
        if audio.shape[-1] < self.samples_per_frame:
            return audio.new_zeros(audio.shape[0], 2 * self.latent_dim, 0, dtype=self._dtype)
        with torch.autocast(audio.device.type, enabled=False):
            out: Tensor = self.encoder(audio.to(self._dtype))
        return out

    def posterior(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, both ``[B, D, T]``."""
        mean, scale = self.encode_raw(audio).chunk(2, dim=1)
        return mean, functional.softplus(scale) + 1e-4

    def encode(self, audio: Tensor) -> Tensor:
        """See ``Codec``: the posterior's mean."""
        return self.encode_raw(audio).chunk(2, dim=1)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """See ``Codec``."""
        if latents.shape[-1] == 0:
            return latents.new_zeros(latents.shape[0], self.channels, 0, dtype=self._dtype)
        with torch.autocast(latents.device.type, enabled=False):
            out: Tensor = self.decoder(latents.to(self._dtype))
        return out

    def open_stream(self) -> DecodeStream:
        """See ``Codec``."""
        return OverlapStream(self, self.decoder_context)

    def fold_weight_norm(self) -> None:
        """Replace each ``weight_g``/``weight_v`` pair by the weight it stands for: same sound, less work.

        The state dict then has ``weight`` in place of the pair. Folding twice does nothing.
        """
        fold(self)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


def _widths(config: OobleckConfig) -> tuple[int, ...]:
    """Channels outside the first stage, then inside each."""
    return tuple(config.channels * multiplier for multiplier in (1, *config.multipliers))


def _units() -> list[Layer]:
    return [spread(_UNIT_KERNEL, dilation) for dilation in _DILATIONS]


def _decoder_context(strides: tuple[int, ...]) -> Context:
    layers = [spread(_ENDS_KERNEL)]
    for stride in reversed(strides):
        layers += [upward(stride), *_units()]
    return Context.of([*layers, spread(_ENDS_KERNEL)], inputs=1, outputs=math.prod(strides))


def _encoder_context(strides: tuple[int, ...]) -> Context:
    layers = [spread(_ENDS_KERNEL)]
    for stride in strides:
        layers += [*_units(), downward(stride)]
    return Context.of([*layers, spread(_TO_LATENT_KERNEL)], inputs=math.prod(strides), outputs=1)
