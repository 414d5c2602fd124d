"""A song's random numbers from numpy, or recorded ones. Torch's cannot be made without torch: its songs differ."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Draws(Protocol):
    """One song's random numbers. A block takes its uniforms first, then its noise."""

    def uniforms(self, frames: int, count: int) -> Array:
        """The next block's numbers in [0, 1), float64 ``[frames, count]``."""
        ...

    def noise(self, frames: int, width: int) -> Array:
        """The next block's noise, float32 ``[frames, width]``."""
        ...


class SeededDraws:
    """Draws from a Philox generator of its own."""

    def __init__(self, seed: int) -> None:
        """From the start of ``seed``."""
        self._generator = np.random.Generator(np.random.Philox(seed))

    def uniforms(self, frames: int, count: int) -> Array:
        """See ``Draws``."""
        return self._generator.random((frames, count))

    def noise(self, frames: int, width: int) -> Array:
        """See ``Draws``."""
        return self._generator.standard_normal((frames, width), dtype=np.float32)


class RecordedDraws:
    """Numbers that another run drew: ``uniforms [T, count]``, ``noise [T, D]``."""

    def __init__(self, uniforms: Array, noise: Array) -> None:
        self._uniforms, self._noise = uniforms, noise
        self._drawn = self._made = 0

    def uniforms(self, frames: int, count: int) -> Array:
        """See ``Draws``. Raises ``EOFError`` beyond the recording."""
        self._drawn += frames
        return _part(self._uniforms, self._drawn - frames, frames)

    def noise(self, frames: int, width: int) -> Array:
        """See ``Draws``. Raises ``EOFError`` beyond the recording."""
        self._made += frames
        return _part(self._noise, self._made - frames, frames)


def _part(recorded: Array, first: int, count: int) -> Array:
    if first + count > len(recorded):
        raise EOFError(f"only {len(recorded)} frames of random numbers were recorded")
    return recorded[first : first + count]
