"""The LM's step and the DiT's evaluation as one call of the own kernels each, in the place of a model's own."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.profiler import record_function

from songbloom_x2.diffusion.dit import DiffusionTransformer
from songbloom_x2.nn.kv_cache import Int8LayerCache, KVCache
from songbloom_x2.nn.rotary import rotation
from songbloom_x2.runtime.kernels.binding import CacheArgs, LayerArgs, Library, pointer
from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.sketch.lm import SketchLM
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import Steps

LmStep = Callable[[Tensor, KVCache, int], Tensor]
Prefill = Callable[[Tensor, Tensor, KVCache], None]
_HEADS = (32, 64, 128)
"""Widths of a head that the kernels know."""


def fused(steps: Steps, model: SongModel, library: Library) -> Steps:
    """The same steps; the LM's and the DiT's are exchanged where their layers are the kernels' and have their shape."""
    if _fits(model.sketch.layers, model.sketch.head_dim):
        lm_step, prefill = _lm(model.sketch, library)
        steps = dataclasses.replace(steps, lm_step=lm_step, prefill=prefill)
    dit = model.dit
    if dit.prepend_time and _fits(dit.layers, dit.dim // dit.heads):
        steps = dataclasses.replace(steps, velocity=_velocity(dit, library))
    return steps


def _fits(layers: Iterable[Any], head: int) -> bool:
    return head in _HEADS and all(
        isinstance(module, KernelLinear) for layer in layers for module in (layer.mlp.down, layer.attention.qkv)
    )


def _lm(sketch: SketchLM, library: Library) -> tuple[LmStep, Prefill]:
    modules: list[Any] = list(sketch.layers)
    layers = (LayerArgs * len(modules))()
    for args, layer in zip(layers, modules, strict=True):
        args.attention_norm, args.mlp_norm = pointer(layer.attention_norm.weight), pointer(layer.mlp_norm.weight)
        args.qkv, args.out = layer.attention.qkv.args, layer.attention.o.args
        args.gate_up, args.down = layer.mlp.gate_up.args, layer.mlp.down.args
    hidden, kind = modules[0].mlp.down.in_features, modules[0].mlp.down.kind

    def step(row: Tensor, cache: KVCache, context: int) -> Tensor:
        # Every row sees the keys up to its own position and no further: what the context is for otherwise.
        if int(cache.position.max()) >= cache.capacity:
            raise IndexError(f"the cache holds {cache.capacity} positions and is full")
        with record_function(f"songbloom::lm_step_{kind}"):
            turn = rotation(cache.position[:, None], sketch.head_dim, sketch.rope_base)
            out = library.lm_step(
                layers, _caches(cache), sketch.norm.weight, row, cache.position,
                (turn[0][:, 0, 0], turn[1][:, 0, 0]), sketch.heads, hidden, cache.capacity,
            )  # fmt: skip
            cache.advance(1)
            return out

    def prefill(rows: Tensor, lengths: Tensor, cache: KVCache) -> None:
        x = rows.clone(memory_format=torch.contiguous_format)
        batch, length, dim = x.shape
        turn = rotation(torch.arange(length)[None], sketch.head_dim, sketch.rope_base)
        cosines, sines = (part[0, 0].contiguous() for part in turn)
        for args, stored in zip(layers, cache.layers, strict=True):
            with record_function(f"songbloom::lm_prefill_{kind}"):
                projected = library.lm_before(args, x, (cosines, sines), sketch.heads)
            heads = projected.view(batch, length, 3, sketch.heads, sketch.head_dim).permute(2, 0, 3, 1, 4)
            query, key, value = heads.unbind()
            stored.fill(key, value)
            key, value = stored.read(length)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            with record_function(f"songbloom::lm_prefill_{kind}"):
                library.lm_after(args, x, attended.transpose(1, 2).reshape(batch, length, dim), hidden)
        cache.position.copy_(lengths)

    return step, prefill


def _caches(cache: KVCache) -> ctypes.Array[CacheArgs]:
    args = (CacheArgs * len(cache.layers))()
    for arg, layer in zip(args, cache.layers, strict=True):
        arg.keys, arg.values = pointer(layer.keys), pointer(layer.values)
        if isinstance(layer, Int8LayerCache):
            arg.key_scales, arg.value_scales = pointer(layer.key_scales), pointer(layer.value_scales)
    return args


def _velocity(
    dit: DiffusionTransformer, library: Library
) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
    modules: list[Any] = list(dit.layers)
    layers = (LayerArgs * len(modules))()
    for args, layer in zip(layers, modules, strict=True):
        args.attention_norm, args.mlp_norm = pointer(layer.attention_norm.gamma), pointer(layer.mlp_norm.gamma)
        args.qkv, args.out = layer.attention.qkv.args, layer.attention.out.args
        args.gate_up, args.down = layer.mlp.gate_up.args, layer.mlp.down.args
    hidden, kind = modules[0].mlp.down.in_features, modules[0].mlp.down.kind
    length = 2 + 2 * dit.block_size + (dit.sketch_rows if dit.fusion == "rows" else 0)
    turn = rotation(torch.arange(length)[None], dit.rotary_dims, dit.rope_base)
    cosines, sines = (part[0, 0].contiguous() for part in turn)

    def velocity(noisy: Tensor, time: Tensor, hidden_state: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        with record_function(f"songbloom::dit_{kind}"):
            rows = dit.rows(noisy, time, hidden_state, sketch, previous).contiguous()
            last = library.dit_layers(layers, rows, (cosines, sines), dit.block_size, dit.heads, hidden)
            out: Tensor = dit.latent_out(last)
            return out.to(noisy.dtype)

    return velocity
