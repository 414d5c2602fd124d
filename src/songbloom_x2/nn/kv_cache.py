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

    def fill(self, keys: Tensor, values: Tensor) -> None:
        """Store ``[B, H, T, head_dim]`` as the first ``T`` of every row."""
        self.keys[:, :, : keys.shape[2]] = keys
        self.values[:, :, : values.shape[2]] = values

    def read(self, context: int) -> tuple[Tensor, Tensor]:
        """Views of the first ``context`` keys and values."""
        return self.keys[:, :, :context], self.values[:, :, :context]

    def keep(self, rows: Tensor) -> None:
        """Drop all batch rows but ``rows``."""
        self.keys, self.values = self.keys[rows], self.values[rows]

    @property
    def nbytes(self) -> int:
        """Memory of keys and values."""
        return self.keys.nbytes + self.values.nbytes


class Int8LayerCache(LayerCache):
    """Keys and values in int8, each with a scale of its own, ``[B, H, capacity]``: about a quarter of float32."""

    def __init__(self, shape: tuple[int, int, int, int], device: torch.device) -> None:
        """``shape``: ``(B, H, capacity, head_dim)``."""
        super().__init__(shape, torch.int8, device)
        self.key_scales = torch.zeros(shape[:3], device=device)
        self.value_scales = torch.zeros(shape[:3], device=device)

    def write(self, positions: Tensor, keys: Tensor, values: Tensor) -> None:
        """Round and store; see ``LayerCache.write``."""
        rows = torch.arange(positions.shape[0], device=positions.device)[:, None]
        for new, stored, scales in ((keys, self.keys, self.key_scales), (values, self.values, self.value_scales)):
            stored[rows, :, positions], scales[rows, :, positions] = _whole(new.transpose(1, 2))

    def fill(self, keys: Tensor, values: Tensor) -> None:
        """Round and store; see ``LayerCache.fill``."""
        for new, stored, scales in ((keys, self.keys, self.key_scales), (values, self.values, self.value_scales)):
            stored[:, :, : new.shape[2]], scales[:, :, : new.shape[2]] = _whole(new)

    def read(self, context: int) -> tuple[Tensor, Tensor]:
        """Float32 copies of the first ``context`` keys and values."""
        return (
            self.keys[:, :, :context] * self.key_scales[:, :, :context, None],
            self.values[:, :, :context] * self.value_scales[:, :, :context, None],
        )

    def keep(self, rows: Tensor) -> None:
        """Drop all batch rows but ``rows``."""
        super().keep(rows)
        self.key_scales, self.value_scales = self.key_scales[rows], self.value_scales[rows]

    @property
    def nbytes(self) -> int:
        """Memory of keys, values and scales."""
        return super().nbytes + self.key_scales.nbytes + self.value_scales.nbytes


def _whole(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """int8 of the same shape, and scales without the last dimension."""
    wide = numbers.float()
    scales = wide.abs().amax(-1) / 127
    return (wide / scales.clamp(min=1e-30)[..., None]).round().to(torch.int8), scales


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
        """An empty cache of ``layers`` layers for ``batch`` rows; of ``int8``, scales are kept beside the numbers."""
        place = torch.device("cpu") if device is None else device
        self.capacity = capacity
        self.position = torch.zeros(batch, dtype=torch.int64, device=place)
        shape = (batch, heads, capacity, head_dim)
        self.layers = [
            Int8LayerCache(shape, place) if dtype == torch.int8 else LayerCache(shape, dtype, place)
            for _ in range(layers)
        ]

    @property
    def nbytes(self) -> int:
        """Memory of all keys and values."""
        return sum(layer.nbytes for layer in self.layers)

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
            layer.keep(rows)
