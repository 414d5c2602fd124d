"""The key-value cache as numpy arrays: it grows by whole steps, so that graphs see few shapes and nothing is copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STEP = 128
"""Positions by which a cache grows."""


class KvCache:
    """Keys and values ``[layers, R, H, capacity, head_dim]``; ``position [R]`` rows are filled."""

    def __init__(self, layers: int, rows: int, heads: int, head_dim: int) -> None:
        """Empty."""
        self._shape = (layers, rows, heads, STEP, head_dim)
        self.keys, self.values = np.zeros(self._shape, np.float32), np.zeros(self._shape, np.float32)
        self.position = np.zeros(rows, np.int64)

    def append(self, keys: Array, values: Array, lengths: Array) -> None:
        """Store new ``[layers, R, H, T, head_dim]``, of which row ``r`` has ``lengths[r]``."""
        most = int((self.position + lengths).max())
        while self.keys.shape[3] < most:
            empty = np.zeros(self._shape, np.float32)
            self.keys, self.values = (np.concatenate([held, empty], axis=3) for held in (self.keys, self.values))
        for row, (at, length) in enumerate(zip(self.position, lengths, strict=True)):
            self.keys[:, row, :, at : at + length] = keys[:, row, :, :length]
            self.values[:, row, :, at : at + length] = values[:, row, :, :length]
        self.position = self.position + lengths
