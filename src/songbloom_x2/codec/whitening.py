"""PCA whitening: long rows of correlated numbers to a few uncorrelated ones of unit variance, and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Whitening(nn.Module):
    """Fixed linear code. Buffers: ``mean [raw]``, ``components [k, raw]`` (orthonormal rows), ``scale [k]``.

    Until they are fitted or loaded the buffers cut the rows to their first ``k`` numbers.
    """

    mean: Tensor
    components: Tensor
    scale: Tensor

    def __init__(self, raw: int, components: int) -> None:
        super().__init__()
        if components > raw:
            raise ValueError(f"cannot keep {components} components of {raw} values")
        self.register_buffer("mean", torch.zeros(raw))
        self.register_buffer("components", torch.eye(components, raw))
        self.register_buffer("scale", torch.ones(components))

    def encode(self, rows: Tensor) -> Tensor:
        """``[..., raw]`` to ``[..., k]``."""
        return (rows - self.mean) @ self.components.T / self.scale

    def decode(self, code: Tensor) -> Tensor:
        """``[..., k]`` to ``[..., raw]``: the nearest row in the space that the components span."""
        return (code * self.scale) @ self.components + self.mean


class CovarianceSum:
    """Running mean and covariance of rows that do not fit into memory. Float64 sums."""

    def __init__(self, raw: int) -> None:
        self.count = 0
        self._sum = torch.zeros(raw, dtype=torch.float64)
        self._products = torch.zeros(raw, raw, dtype=torch.float64)
        self._shift: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """Take ``[n, raw]`` more rows."""
        wide = rows.double()
        if self._shift is None:
            self._shift = wide.mean(0)
        wide = wide - self._shift
        self.count += len(wide)
        self._sum += wide.sum(0)
        self._products += wide.T @ wide

    def fit(self, target: Whitening) -> Tensor:
        """Write the leading components into ``target``; gives all eigenvalues ``[raw]``, largest first.

        Each component's largest entry is made positive, so that the same data always give the same signs. Raises
        ``ValueError`` with fewer rows than values.
        """
        if self._shift is None or self.count <= len(self._sum):
            raise ValueError(f"{self.count} rows are too few to whiten {len(self._sum)} values")
        offset = self._sum / self.count
        covariance = self._products / self.count - torch.outer(offset, offset)
        values: Tensor
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1).T
        kept = vectors[: len(target.scale)]
        largest = kept.gather(1, kept.abs().argmax(1, keepdim=True))
        target.components.copy_(kept * largest.sign())
        target.scale.copy_(values[: len(target.scale)].sqrt().clamp(min=1e-4))
        target.mean.copy_(self._shift + offset)
        return values
