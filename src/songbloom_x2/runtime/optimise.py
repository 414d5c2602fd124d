"""Exchanging the linear layers of LM and DiT for those of a plan, one by one, so that memory never doubles."""

from __future__ import annotations

import torch
from torch import nn

from songbloom_x2.diffusion.dit import DiffusionTransformer
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.nn.attention import CausalAttention
from songbloom_x2.nn.mlp import GatedMLP
from songbloom_x2.runtime.kernels.binding import Library
from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.runtime.linears import (
    INT4_GROUP,
    DynamicInt8Linear,
    Int4Linear,
    PackedLinear,
    WeightOnlyInt8Linear,
    quantised,
)
from songbloom_x2.song_model import SongModel

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
    for part, rows in parts:
        _exchange(part, rows, packing=packing and device == "cpu", quantisation=quantisation, library=library)
    if packing or quantisation != "none":
        _let_go(model)
    return model


def _let_go(model: SongModel) -> None:
    """What stays as it is may be a view of a mapped file, which would be held in memory whole: copy it out."""
    for parameter in model.parameters():
        if parameter.untyped_storage().nbytes() > parameter.nbytes:
            parameter.data = parameter.data.clone()


def _dit_rows(dit: DiffusionTransformer) -> int:
    """Rows of one guided evaluation: two halves of time, hidden state, sketch and two blocks."""
    return 2 * (2 + dit.sketch_rows + 2 * dit.block_size)


def _exchange(part: nn.Module, rows: int, *, packing: bool, quantisation: str, library: Library | None) -> None:
    found = [
        (parent, name)
        for parent in part.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear
    ]
    for parent, name in found:
        linear: nn.Linear = getattr(parent, name)
        # Thin layers at the borders stay exact: they cost nothing, and errors there are heard.
        thin = min(linear.in_features, linear.out_features) < 128 or _is_border(part, parent)
        made: nn.Module = linear
        if quantisation != "none" and not thin:
            made = _quantised(linear, quantisation, library)
        elif packing and _can_pack(linear):
            made = PackedLinear(linear, rows)
        setattr(parent, name, made)


def _is_border(part: nn.Module, parent: nn.Module) -> bool:
    return isinstance(part, DiffusionTransformer) and (parent is part or parent is part.time_embed)


def _quantised(linear: nn.Linear, quantisation: str, library: Library | None) -> nn.Module:
    if library is not None and linear.in_features % 8 == 0:
        return KernelLinear(linear.weight, linear.bias, library)
    if quantisation == "int4":
        if linear.in_features % INT4_GROUP or linear.out_features % 16:
            raise RuntimePlanError(
                f"quantise 'int4': a layer of {linear.in_features} x {linear.out_features} does not fit the kernel, "
                f"which wants multiples of {INT4_GROUP} and 16; int8 does"
            )
        return Int4Linear(linear)
    kind = DynamicInt8Linear if quantisation == "int8" else WeightOnlyInt8Linear
    weight, scales = quantised(linear.weight)
    return kind(weight, scales, linear.bias)


def _can_pack(linear: nn.Linear) -> bool:
    if linear.weight.dtype == torch.float32:
        return True
    return linear.weight.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _with_torchao(parts: tuple[tuple[nn.Module, int], ...], quantisation: str) -> None:
    from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

    config = Int4WeightOnlyConfig() if quantisation == "int4" else Int8WeightOnlyConfig()
    for part, _ in parts:
        quantize_(part, config)
