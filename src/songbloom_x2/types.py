"""The values that cross room borders, each named once, with shapes and units.

``B`` songs, ``T`` latent frames (25 a second), ``D`` latent width, ``N`` samples a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Waveform:
    """Sound in memory: ``samples`` float32 ``[channels, N]``, full scale is 1."""

    samples: FloatArray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[-1] / self.sample_rate)


@dataclass(frozen=True)
class Finding:
    """Something worth telling about the lyrics: where, and what to do.

    ``code`` is stable and machine-readable (``guessed-word``, ``dropped-symbol``, ``cut``, ...); ``line`` and
    ``column`` count from 1 in the text as given; ``severity`` is ``error``, ``warning`` or ``note``.
    """

    severity: str
    code: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class PreparedLyrics:
    """Lyrics ready for a model: symbol ids ``[rows]``, and what was noticed on the way.

    ``symbols[i]`` is the text of ``ids[i]``; ``text`` the canonical grammar that was sung.
    """

    text: str
    symbols: tuple[str, ...]
    ids: tuple[int, ...]
    findings: tuple[Finding, ...]
    estimated_seconds: float


@dataclass(frozen=True)
class Style:
    """A style prompt in the codec's space: ``latents`` float32 ``[D, T]``, with what is known about it.

    ``tempo`` in beats a minute; ``key`` is ``2 * root + minor`` (C major 0, C minor 1, C sharp major 2, ...).
    """

    name: str
    latents: torch.Tensor
    tempo: float | None = None
    key: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class SongRequest:
    """What the user asks for; goes into the manifest as it is."""

    lyrics: str
    style: str | None = None
    seed: int = 0
    duration: float | None = None
    """Seconds at most; none: the model ends by itself."""
    title: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the model's ``SamplingConfig``, by field name."""


@dataclass(frozen=True)
class Progress:
    """Where a song stands. ``blocks_expected`` is an estimate until the song has ended."""

    block: int
    blocks_expected: int
    seconds_made: float
    seconds_spent: float

    @property
    def real_time_factor(self) -> float:
        """Seconds spent for one second of song."""
        return self.seconds_spent / max(self.seconds_made, 1e-9)


@dataclass(frozen=True)
class SongBlock:
    """One block of one song: ``tokens`` int64 ``[block]``, ``latents`` float32 ``[D, block]``."""

    song: int
    index: int
    tokens: torch.Tensor
    latents: torch.Tensor


@dataclass(frozen=True)
class Song:
    """A finished song: its sound, the sketch (int64 ``[T]``), latents (float32 ``[D, T]``) and manifest."""

    waveform: Waveform
    tokens: IntArray
    latents: FloatArray
    manifest: Mapping[str, Any]
