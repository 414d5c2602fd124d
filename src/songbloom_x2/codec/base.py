"""What a codec is to the rest of the code: latents in, sound out, whole or as a stream.

Knows nothing of any particular network. Units: audio is float32 ``[B, C, N]`` at ``sample_rate``, full scale 1;
latents are float32 ``[B, D, T]``, one column every ``samples_per_frame`` samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class DecodeStream(ABC):
    """Decodes latents that arrive bit by bit.

    Whatever the sizes of the pushes, the outputs joined are the decode of the latents joined, within 1e-4.
    """

    @abstractmethod
    def push(self, latents: Tensor) -> Tensor:
        """Take ``[D, t]`` more latents (``t`` may be 0); give the samples ``[C, n]`` now certain (``n`` may be 0).

        Raises ``RuntimeError`` after ``flush``.
        """

    @abstractmethod
    def flush(self) -> Tensor:
        """No more latents will come: give the remaining samples ``[C, n]``. A second call raises ``RuntimeError``."""


class Codec(nn.Module, ABC):
    """Sound to latents and back, always in float32."""

    sample_rate: int
    samples_per_frame: int
    channels: int
    latent_dim: int
    reach: int
    """Latent frames after a frame that its sound depends on, at most: what comes later does not change it."""

    @abstractmethod
    def encode(self, audio: Tensor) -> Tensor:
        """Audio ``[B, C, N]`` to latents ``[B, D, N // samples_per_frame]``: the mean, never a draw."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``[B, D, T]`` to audio ``[B, C, T * samples_per_frame]``."""

    @abstractmethod
    def open_stream(self) -> DecodeStream:
        """A new stream of one song, independent of every other."""

    def no_audio(self, latents: Tensor) -> Tensor:
        """Empty sound ``[C, 0]`` on the device and in the type of ``latents``."""
        return torch.zeros(self.channels, 0, device=latents.device, dtype=latents.dtype)
