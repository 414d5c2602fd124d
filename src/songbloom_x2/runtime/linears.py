"""Linear layers in other storage than torch's own: packed for the CPU's kernels, or as whole numbers of 8 or 4 bits.

Each is made from an ``nn.Linear`` and computes what it does, within the rounding that its storage brings. None can be
trained. Nothing here decides which one is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from songbloom_x2.nn.stored import INT4_GROUP


class PackedLinear(nn.Module):
    """Weights laid out once as oneDNN's kernel wants them, instead of at every call."""

    def __init__(self, linear: nn.Linear, rows: int) -> None:
        """``rows``: how many rows a call usually has, which the layout is chosen for."""
        super().__init__()
        self.out_features = linear.out_features
        self.bias = None if linear.bias is None else linear.bias.detach().clone()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), rows)
        self.stored_bytes = linear.weight.numel() * linear.weight.element_size()

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
        return out


class DynamicInt8Linear(nn.Module):
    """Weights in int8; rows are rounded to 7 or 8 bits at every call, so that integers are multiplied. CPU only."""

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None) -> None:
        """``weight`` int8 ``[out, in]`` and ``scales`` float32 ``[out]`` of ``int8_steps``."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        with _engine("x86"):
            stored = torch._make_per_channel_quantized_tensor(weight, scales.double(), zeros, 0)
            self.packed = torch.ops.quantized.linear_prepack(stored, None if bias is None else bias.detach().float())
        self.stored_bytes = weight.numel() + 4 * len(scales)
        # Without VNNI the kernel adds two products in 16 bits: rows of 7 bits cannot overflow there.
        self.reduced = not torch.cpu._is_vnni_supported()

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        out: Tensor = torch.ops.quantized.linear_dynamic(x.float(), self.packed, self.reduced)
        return out.to(x.dtype)


class WeightOnlyInt8Linear(nn.Module):
    """Weights in int8, rows as they are: what is read from memory is a quarter, what is computed the same."""

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None) -> None:
        """``weight`` int8 ``[out, in]`` and ``scales`` float32 ``[out]`` of ``int8_steps``."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight: Tensor
        self.scales: Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)
        self.bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        # torch's kernel is fast in bfloat16; its sums are float32.
        rows = x.reshape(-1, self.in_features).to(torch.bfloat16)
        out: Tensor = torch._weight_int8pack_mm(rows, self.weight, self.scales.to(torch.bfloat16))
        out = out.view(*x.shape[:-1], self.out_features).to(x.dtype)
        return out if self.bias is None else out + self.bias


class Int4Linear(nn.Module):
    """Weights in 4 bits, ``INT4_GROUP`` inputs to a scale and a zero point. CPU only here."""

    def __init__(self, steps: Tensor, tables: Tensor, bias: Tensor | None) -> None:
        """``steps`` int32 ``[out, in]`` and ``tables`` of ``int4_steps``."""
        super().__init__()
        self.out_features, self.in_features = steps.shape
        self.bias = None if bias is None else bias.detach().clone()
        self.packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(steps, 1)
        self.stored_bytes = steps.numel() // 2 + tables.nbytes
        self.scales = tables

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        rows = x.reshape(-1, self.in_features).to(torch.bfloat16)
        out: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.packed, INT4_GROUP, self.scales)
        out = out.view(*x.shape[:-1], self.out_features).to(x.dtype)
        return out if self.bias is None else out + self.bias


PACKED = (PackedLinear, DynamicInt8Linear, Int4Linear)
"""Layers whose weights are no parameters or buffers; ``stored_bytes`` says how much they take."""


@contextmanager
def _engine(name: str) -> Iterator[None]:
    """The engine decides which kernel packed weights belong to, at packing time only."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before
