"""Linear layers whose weights are stored as whole numbers of 8 or 4 bits, with the rounding that goes with it.

They compute anywhere, from weights that are made float again at every call: right, but not fast. Where there is a
kernel for such weights, ``runtime`` puts it in their place without making them float first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

StoredKind = Literal["int8", "int4"]
INT4_GROUP = 32
"""Inputs that share one scale in 4 bits."""


def int8_steps(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights ``[out, in]`` as int8 and float32 scales ``[out]``: the nearest of 255 steps, evenly about 0."""
    wide = weight.detach().float()
    scales = wide.abs().amax(dim=1).clamp(min=1e-12) / 127
    return (wide / scales[:, None]).round().clamp(-127, 127).to(torch.int8), scales


def int4_steps(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights ``[out, in]`` as steps 0 to 15 (int32), and scales and zeros bfloat16 ``[in / INT4_GROUP, out, 2]``.

    A weight is ``(step - 8) * scale + zero``, each group of inputs between its least and its largest.
    """
    groups = weight.detach().float().view(weight.shape[0], -1, INT4_GROUP)
    low, high = groups.amin(dim=-1), groups.amax(dim=-1)
    scales = (high - low).clamp(min=1e-6) / 15
    steps = ((groups - low[..., None]) / scales[..., None]).round().clamp(0, 15).to(torch.int32)
    tables = torch.stack((scales, low + scales * 8), dim=-1).transpose(0, 1).contiguous()
    return steps.view(weight.shape), tables.to(torch.bfloat16)


class StoredLinear(nn.Module, ABC):
    """What both have in common."""

    in_features: int
    out_features: int
    bias: nn.Parameter | None

    @abstractmethod
    def dense(self) -> Tensor:
        """The weights, float32 ``[out, in]``."""

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        return F.linear(x, self.dense().to(x.dtype), self.bias)


class StoredInt8(StoredLinear):
    """One scale for each output."""

    def __init__(self, weight: Tensor, scales: Tensor, bias: nn.Parameter | None) -> None:
        """``weight`` int8 ``[out, in]`` and ``scales`` float32 ``[out]`` of :func:`int8_steps`."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight: Tensor
        self.scales: Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)
        self.bias = bias

    def dense(self) -> Tensor:
        """See ``StoredLinear.dense``."""
        return self.weight * self.scales[:, None]


class StoredInt4(StoredLinear):
    """A scale and a zero for each ``INT4_GROUP`` inputs of an output; two weights in a byte, the first below."""

    def __init__(self, weight: Tensor, tables: Tensor, bias: nn.Parameter | None) -> None:
        """``weight`` uint8 ``[out, in / 2]`` and ``tables`` bfloat16 of :func:`int4_steps`."""
        super().__init__()
        self.out_features, self.in_features = weight.shape[0], 2 * weight.shape[1]
        self.weight: Tensor
        self.tables: Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("tables", tables)
        self.bias = bias

    def steps(self) -> Tensor:
        """int32 ``[out, in]``, 0 to 15."""
        return torch.stack((self.weight & 15, self.weight >> 4), dim=-1).flatten(1).to(torch.int32)

    def dense(self) -> Tensor:
        """See ``StoredLinear.dense``."""
        scales, zeros = self.tables.float().transpose(0, 1).unbind(-1)
        groups = (self.steps() - 8).view(self.out_features, -1, INT4_GROUP)
        return (groups * scales[..., None] + zeros[..., None]).flatten(1)


def fits_int4(linear: nn.Linear | StoredLinear) -> bool:
    """Whether groups of inputs, and the kernel's groups of outputs, divide the layer."""
    return linear.in_features % INT4_GROUP == 0 and linear.out_features % 16 == 0


def stored(linear: nn.Linear, kind: StoredKind) -> StoredLinear:
    """The layer with rounded weights; where 4 bits do not fit it, 8."""
    bias = None if linear.bias is None else linear.bias
    if kind == "int4" and fits_int4(linear):
        steps, tables = int4_steps(linear.weight)
        return StoredInt4((steps[:, ::2] | steps[:, 1::2] << 4).to(torch.uint8), tables, bias)
    return StoredInt8(*int8_steps(linear.weight), bias)


def joined_stored(layers: list[StoredLinear]) -> StoredLinear:
    """One layer that gives the outputs of several, one behind the other. They have no biases and are of one kind."""
    weight = torch.cat([layer.get_buffer("weight") for layer in layers])
    if all(isinstance(layer, StoredInt8) for layer in layers):
        return StoredInt8(weight, torch.cat([layer.get_buffer("scales") for layer in layers]), None)
    return StoredInt4(weight, torch.cat([layer.get_buffer("tables") for layer in layers], dim=1), None)
