"""Exchanging the linear layers of LM and DiT for those of a plan, one by one, so that memory never doubles."""

from __future__ import annotations

import ctypes
import sys

import torch
from torch import Tensor, nn

from songbloom_x2.diffusion.dit import DiffusionTransformer
from songbloom_x2.nn.attention import CausalAttention
from songbloom_x2.nn.mlp import GatedMLP
from songbloom_x2.nn.stored import StoredInt4, StoredInt8, StoredLinear, fits_int4, int4_steps, int8_steps
from songbloom_x2.runtime.kernels.binding import Library
from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.runtime.linears import DynamicInt8Linear, Int4Linear, PackedLinear, WeightOnlyInt8Linear
from songbloom_x2.song_model import SongModel, large_linears

_LM_ROWS = 2
"""Rows of the LM's step: one song, with and without its conditions."""


def optimise(
    model: SongModel, *, packing: bool, quantisation: str, device: str, library: Library | None = None
) -> SongModel:
    """Exchange layers in place; gives the same model. Conditioning, embeddings and the codec stay as they are."""
    parts: tuple[tuple[nn.Module, int], ...] = ((model.sketch, _LM_ROWS), (model.dit, _dit_rows(model.dit)))
    if packing or library is not None:
        for part, _ in parts:
            for module in part.modules():
                if isinstance(module, CausalAttention | GatedMLP):
                    module.join()
    if quantisation != "none" and device == "cuda":
        _with_torchao(parts, quantisation)
        return model
    if quantisation != "none":
        found: list[tuple[nn.Module, str, nn.Linear | StoredLinear]] = [*large_linears(model), *_stored(model)]
        for parent, name, linear in found:
            setattr(parent, name, _quantised(linear, quantisation, library))
    elif library is not None:
        for parent, name, linear in large_linears(model):
            if linear.in_features % 8 == 0:
                setattr(parent, name, KernelLinear(linear.weight, linear.bias, library, "float32"))
    if packing and device == "cpu":
        for part, rows in parts:
            _pack(part, rows)
    if packing or quantisation != "none":
        _let_go(model)
    return model


def _let_go(model: SongModel) -> None:
    """What stays as it is may be a view of a mapped file, which would be held in memory whole: copy it out."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    # Packing left gaps in the heap, which the C library of Linux keeps unless it is asked.
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def _dit_rows(dit: DiffusionTransformer) -> int:
    """Rows of one guided evaluation: two halves of time, hidden state, sketch and two blocks."""
    return 2 * (2 + dit.sketch_rows + 2 * dit.block_size)


def _stored(model: SongModel) -> list[tuple[nn.Module, str, StoredLinear]]:
    """Layers that came from a file in fewer bits."""
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, StoredLinear)
    ]


def _pack(part: nn.Module, rows: int) -> None:
    found = [
        (parent, name, child)
        for parent in part.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and _can_pack(child)
    ]
    for parent, name, linear in found:
        setattr(parent, name, PackedLinear(linear, rows))


def _quantised(linear: nn.Linear | StoredLinear, quantisation: str, library: Library | None) -> nn.Module:
    """The layer for this machine's kernel; what is stored as the kernel wants it never becomes float."""
    if library is not None and linear.in_features % 8 == 0:
        return KernelLinear(_dense(linear), linear.bias, library)
    if quantisation == "int4" and fits_int4(linear):
        if isinstance(linear, StoredInt4):
            return Int4Linear(linear.steps(), linear.tables, linear.bias)
        return Int4Linear(*int4_steps(_dense(linear)), linear.bias)
    kind = DynamicInt8Linear if quantisation == "int8" else WeightOnlyInt8Linear
    if isinstance(linear, StoredInt8):
        return kind(linear.weight, linear.scales, linear.bias)
    return kind(*int8_steps(_dense(linear)), linear.bias)


def _dense(linear: nn.Linear | StoredLinear) -> Tensor:
    return linear.dense() if isinstance(linear, StoredLinear) else linear.weight


def _can_pack(linear: nn.Linear) -> bool:
    if linear.weight.dtype == torch.float32:
        return True
    return linear.weight.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _with_torchao(parts: tuple[tuple[nn.Module, int], ...], quantisation: str) -> None:
    from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

    config = Int4WeightOnlyConfig() if quantisation == "int4" else Int8WeightOnlyConfig()
    for part, _ in parts:
        quantize_(part, config)
