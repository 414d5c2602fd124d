"""Weights as ``steps.cpp`` wants them: in panels of 16 outputs, as they are or in whole numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from songbloom_x2.runtime.kernels.binding import Shape

_MOST_IN_16_BITS = 32767 // 127
"""Rows have bytes from 1 to 127: so much may the weights sum to that are multiplied with them in one 16-bit sum."""


_AT_ONCE = 16
"""Panels that are laid out at a time."""


@dataclass(frozen=True)
class Panels:
    """Weights ``[out, in]``, padded to whole panels."""

    numbers: Tensor
    """int8 ``[panels, in / 4, 16, 4]``, for which the kernel's arithmetic is exact; or float32 ``[panels, in, 16]``."""
    scales: Tensor | None
    """Of whole numbers: float32, one for each output."""
    sums: Tensor | None
    """Of whole numbers: int32, the sum of each output's."""

    @property
    def depth(self) -> int:
        """Inputs, padded where they must be."""
        count, _, columns = self.numbers.shape[:3]
        return self.numbers.numel() // (count * columns)

    @property
    def nbytes(self) -> int:
        """Memory."""
        return sum(part.nbytes for part in (self.numbers, self.scales, self.sums) if part is not None)


def plain_panels(weight: Tensor, shape: Shape) -> Panels:
    """Lay weights ``[out, in]`` (any float type) out as float32."""
    rows, columns = weight.shape
    laid = torch.zeros(-(-rows // shape.columns), columns, shape.columns)
    for index, first in enumerate(range(0, rows, shape.columns)):
        these = weight.detach()[first : first + shape.columns]
        laid[index, :, : len(these)] = these.T
    return Panels(laid, None, None)


def panels(weight: Tensor, shape: Shape) -> Panels:
    """Round weights ``[out, in]`` (any float type) and lay them out."""
    rows, columns = weight.shape
    count, depth = -(-rows // shape.columns), -(-columns // shape.depth) * shape.depth
    laid = torch.empty(count, depth // 4, shape.columns, 4, dtype=torch.int8)
    scales, sums = torch.empty(count * shape.columns), torch.empty(count * shape.columns, dtype=torch.int32)
    # Some panels at a time: what is needed on the way stays small.
    for first in range(0, count, _AT_ONCE):
        these = weight.detach()[first * shape.columns : (first + _AT_ONCE) * shape.columns]
        padded = torch.zeros(min(_AT_ONCE, count - first) * shape.columns, depth)
        padded[: len(these), :columns] = these
        numbers, found = whole_numbers(padded, shape)
        laid[first : first + _AT_ONCE] = numbers.view(-1, shape.columns, depth // 4, 4).transpose(1, 2)
        outputs = slice(first * shape.columns, first * shape.columns + len(padded))
        scales[outputs], sums[outputs] = found, numbers.sum(dim=1, dtype=torch.int32)
    return Panels(laid, scales, sums)


def whole_numbers(weight: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """int8 ``[out, in]`` and float32 scales ``[out]``: the nearest steps, evenly about 0; ``in`` in whole depths.

    Without a dot product of four bytes, the kernel sums the products of eight inputs in 16 bits: a scale is raised
    until no such sum can overflow, whatever the rows are.
    """
    scales = weight.abs().amax(dim=1).clamp(min=1e-12) / shape.levels
    while True:
        numbers = (weight / scales[:, None]).round()
        if shape.has_dot:
            return numbers.to(torch.int8), scales
        # The eight: of each group of four inputs, one pair.
        eights = numbers.view(len(weight), -1, shape.depth // 4, 2, 2).transpose(2, 3).flatten(3)
        most = torch.maximum(eights.clamp(min=0).sum(-1), (-eights).clamp(min=0).sum(-1)).flatten(1).amax(1)
        over = most > _MOST_IN_16_BITS
        if not bool(over.any()):
            return numbers.to(torch.int8), scales
        scales = torch.where(over, scales * (most / _MOST_IN_16_BITS).clamp(min=1.001), scales)
