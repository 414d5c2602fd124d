"""A static key-value cache: allocated once, written in place, each batch row at a position of its own."""

from __future__ import annotations

import torch
from torch import Tensor


class LayerCache:
    """Keys and values of one layer, each ``[B, H, capacity, head_dim]``."""

    def __init__(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> None:
        """``shape``: ``(B, H, capacity, head_dim)``."""
        # Zeros, not empty memory: what lies beyond a row's position is masked, but a NaN there would survive 0 * NaN.
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)

    def write(self, positions: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store ``keys`` and ``values [B, H, T, head_dim]`` at ``positions [B, T]``."""
        rows = torch.arange(positions.shape[0], device=positions.device)[:, None]
        self.keys[rows, :, positions] = keys.transpose(1, 2).to(self.keys.dtype)
        self.values[rows, :, positions] = values.transpose(1, 2).to(self.values.dtype)

    def read(self, context: int) -> tuple[Tensor, Tensor]:
        """Views of the first ``context`` keys and values."""
        return self.keys[:, :, :context], self.values[:, :, :context]


class KVCache:
    """The caches of all layers and ``position [B]``: how many rows of each sequence are already in.

    Songs of different position share a batch. ``capacity`` is the longest sequence that fits; writing beyond it is
    an indexing error.
    """

    def __init__(
        self,
        layers: int,
        batch: int,
        heads: int,
        capacity: int,
        head_dim: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        """An empty cache of ``layers`` layers for ``batch`` rows."""
        place = torch.device("cpu") if device is None else device
        self.capacity = capacity
        self.position = torch.zeros(batch, dtype=torch.int64, device=place)
        self.layers = [LayerCache((batch, heads, capacity, head_dim), dtype, place) for _ in range(layers)]

    @property
    def nbytes(self) -> int:
        """Memory of all keys and values."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers)

    def positions(self, length: int) -> Tensor:
        """Where the next ``length`` rows go: ``[B, length]``."""
        return self.position[:, None] + torch.arange(length, device=self.position.device)

    def mask(self, positions: Tensor, context: int) -> Tensor:
        """Which of the first ``context`` keys the queries at ``positions [B, T]`` see: bool ``[B, 1, T, context]``."""
        keys = torch.arange(context, device=positions.device)
        return (keys <= positions[..., None])[:, None]

    def advance(self, lengths: int | Tensor) -> None:
        """Move every row on by ``lengths`` (one number, or ``[B]``)."""
        self.position += lengths

    def keep(self, rows: Tensor) -> None:
        """Drop all batch rows but ``rows`` (int64), layer by layer so that memory never doubles."""
        self.position = self.position[rows]
        for layer in self.layers:
            layer.keys = layer.keys[rows]
            layer.values = layer.values[rows]
