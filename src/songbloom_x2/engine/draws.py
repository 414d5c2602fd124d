"""Where a song's random numbers come from: its own generator, or whatever the caller injects."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Draws(Protocol):
    """One song's random numbers. A block takes its uniforms first, then its noise."""

    def uniforms(self, frames: int, count: int) -> Tensor:
        """The next block's numbers in [0, 1), float64 ``[frames, count]``."""
        ...

    def noise(self, frames: int, width: int) -> Tensor:
        """The next block's noise, float32 ``[frames, width]``."""
        ...

    def state(self) -> Tensor:
        """What continues from here, uint8."""
        ...


class SeededDraws:
    """Draws from a generator of its own, on the CPU, so that the device does not change the song."""

    def __init__(self, seed: int, state: Tensor | None = None) -> None:
        """From the start of ``seed``, or from a ``state`` that was kept (empty: none)."""
        self._generator = torch.Generator(device="cpu")
        self._generator.manual_seed(seed)
        if state is not None and len(state):
            self._generator.set_state(state)

    def uniforms(self, frames: int, count: int) -> Tensor:
        """See ``Draws``."""
        return torch.rand(frames, count, generator=self._generator, dtype=torch.float64)

    def noise(self, frames: int, width: int) -> Tensor:
        """See ``Draws``."""
        return torch.randn(frames, width, generator=self._generator, dtype=torch.float32)

    def state(self) -> Tensor:
        """See ``Draws``."""
        return self._generator.get_state()
