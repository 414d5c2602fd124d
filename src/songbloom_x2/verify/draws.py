"""Recorded noise in place of the engine's random numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from songbloom_x2.errors import SongBloomError


class NoiseExhaustedError(SongBloomError):
    """The engine asked for noise that was not recorded."""


class RecordedDraws:
    """One song's noise ``[blocks, block, D]``, block by block; arg-max needs no other random numbers."""

    def __init__(self, noise: Tensor) -> None:
        """The noise of the whole song, in the order of its blocks."""
        self._noise: Iterator[Tensor] = iter(noise.float().cpu().unbind())

    def uniforms(self, frames: int, count: int) -> Tensor:
        """Never looked at by arg-max."""
        return torch.zeros(frames, count, dtype=torch.float64)

    def noise(self, frames: int, width: int) -> Tensor:
        """The next block's, ``[frames, width]``; ``NoiseExhaustedError`` after the last."""
        block: Tensor | None = next(self._noise, None)
        if block is None:
            raise NoiseExhaustedError("the recorded noise is used up; the song is longer than the recorded one")
        if block.shape != (frames, width):
            raise NoiseExhaustedError(
                f"the recorded noise has blocks of {list(block.shape)}, the model of {[frames, width]}"
            )
        return block

    def state(self) -> Tensor:
        """Nothing that could be gone on from."""
        return torch.zeros(0, dtype=torch.uint8)
