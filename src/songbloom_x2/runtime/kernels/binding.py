"""The compiled kernels as functions of tensors. Everything is float32, contiguous and on the CPU."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """What the kernels were compiled for."""

    levels: int
    """Largest whole number of a row and of a weight."""
    has_dot: bool
    """Whether the CPU multiplies and sums four bytes at once (VNNI)."""
    depth: int
    """Inputs come in whole multiples of this."""
    columns: int
    """Outputs of a panel."""


class LinearArgs(Structure):
    """``Linear`` of ``steps.cpp``."""

    _fields_ = (
        ("n", c_int64),
        ("k", c_int64),
        ("padded_k", c_int64),
        ("panels", c_void_p),
        ("scales", c_void_p),
        ("sums", c_void_p),
        ("bias", c_void_p),
    )


class LayerArgs(Structure):
    """``Layer``."""

    _fields_ = (
        ("attention_norm", c_void_p),
        ("mlp_norm", c_void_p),
        ("qkv", LinearArgs),
        ("out", LinearArgs),
        ("gate_up", LinearArgs),
        ("down", LinearArgs),
    )


class CacheArgs(Structure):
    """``Cache``."""

    _fields_ = (("keys", c_void_p), ("values", c_void_p), ("key_scales", c_void_p), ("value_scales", c_void_p))


PART = 256
"""Rows of a long sequence that go through a layer at once (``kPart``)."""
_ALONE = 2_000_000
"""Below so many products a layer of the LM's step is done by one thread: others would come too late."""


class Library:
    """The functions of one compiled file, and their working memory: not for several threads at once."""

    def __init__(self, file: Path) -> None:
        """``file`` from ``build.built``."""
        self._code = ctypes.CDLL(str(file))
        numbers = (c_int64 * 4)()
        self._code.shape(numbers)
        self.shape = Shape(int(numbers[0]), bool(numbers[1]), int(numbers[2]), int(numbers[3]))
        self._code.linear.argtypes = (POINTER(LinearArgs), c_void_p, c_int64, c_void_p, c_void_p, c_int)
        self._code.lm_step.argtypes = (
            *(POINTER(LayerArgs), POINTER(CacheArgs), c_int64, c_void_p, c_void_p, c_void_p),
            *(c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64, c_void_p, c_int),
        )
        self._code.dit_layers.argtypes = (
            *(POINTER(LayerArgs), c_int64, c_void_p, c_void_p, c_void_p, c_void_p),
            *(c_int64, c_int64, c_int64, c_int64, c_int64, c_int64, c_int64, c_void_p, c_int),
        )
        self._code.lm_before.argtypes = (
            *(POINTER(LayerArgs), c_void_p, c_void_p, c_void_p, c_void_p),
            *(c_int64, c_int64, c_int64, c_int64, c_void_p, c_int),
        )
        self._code.lm_after.argtypes = (
            *(POINTER(LayerArgs), c_void_p, c_void_p, c_int64, c_int64, c_int64),
            *(c_void_p, c_int),
        )
        self._code.lm_before.restype = self._code.lm_after.restype = None
        self._code.room.argtypes, self._code.room.restype = (c_int64, c_int64, c_int64), c_int64
        self._memory = torch.empty(0, dtype=torch.uint8)
        for function in (self._code.linear, self._code.lm_step, self._code.dit_layers, self._code.shape):
            function.restype = None

    def linear(self, layer: LinearArgs, rows: Tensor) -> Tensor:
        """``rows [..., in]`` -> ``[..., out]``."""
        rows = rows.contiguous()
        out = torch.empty(*rows.shape[:-1], layer.n)
        count = rows.numel() // max(rows.shape[-1], 1)
        self._code.linear(
            byref(layer), rows.data_ptr(), count, out.data_ptr(), self._room(count, layer.k, 0), torch.get_num_threads()
        )
        return out

    def lm_step(
        self,
        layers: ctypes.Array[LayerArgs],
        caches: ctypes.Array[CacheArgs],
        norm: Tensor,
        rows: Tensor,
        positions: Tensor,
        turn: tuple[Tensor, Tensor],
        heads: int,
        hidden: int,
        capacity: int,
    ) -> Tensor:
        """``rows [R, dim]`` at ``positions [R]`` -> normed hidden states ``[R, dim]``; the caches get one row more.

        ``turn``: cosines and sines ``[R, head width / 2]``.
        """
        x = rows.clone(memory_format=torch.contiguous_format)
        (cosines, sines), positions = (part.contiguous() for part in turn), positions.contiguous()
        out = torch.empty_like(x)
        count, dim = x.shape
        threads = 1 if count * dim * (4 * dim + 3 * hidden) < _ALONE else torch.get_num_threads()
        self._code.lm_step(
            layers, caches, len(layers), norm.data_ptr(), x.data_ptr(), out.data_ptr(), positions.data_ptr(),
            cosines.data_ptr(), sines.data_ptr(), count, dim, heads, hidden, capacity,
            self._room(count, dim, hidden), threads,
        )  # fmt: skip
        return out

    def lm_before(self, layer: LayerArgs, rows: Tensor, turn: tuple[Tensor, Tensor], heads: int) -> Tensor:
        """Queries, keys and values of whole sequences: ``rows [B, T, dim]`` -> ``[B, T, 3 * dim]``, turned.

        ``turn``: cosines and sines ``[T, head width / 2]``.
        """
        batch, length, dim = rows.shape
        out = torch.empty(batch, length, 3 * dim)
        self._code.lm_before(
            byref(layer), rows.data_ptr(), out.data_ptr(), turn[0].data_ptr(), turn[1].data_ptr(), batch * length,
            length, dim, heads, self._room(min(batch * length, PART), dim, 0), torch.get_num_threads(),
        )  # fmt: skip
        return out

    def lm_after(self, layer: LayerArgs, rows: Tensor, attended: Tensor, hidden: int) -> None:
        """``rows [B, T, dim]`` become the layer's output; ``attended`` is what their attention found."""
        dim = rows.shape[-1]
        count = rows.numel() // dim
        self._code.lm_after(
            byref(layer), rows.data_ptr(), attended.data_ptr(), count, dim, hidden,
            self._room(min(count, PART), dim, hidden), torch.get_num_threads(),
        )  # fmt: skip

    def _room(self, rows: int, dim: int, hidden: int) -> int:
        """Memory for what a call writes on the way; kept, since every call wants as much."""
        size = int(self._code.room(rows, dim, hidden))
        if size > self._memory.numel():
            self._memory = torch.empty(size, dtype=torch.uint8)
        return self._memory.data_ptr()

    def dit_layers(
        self,
        layers: ctypes.Array[LayerArgs],
        rows: Tensor,
        turn: tuple[Tensor, Tensor],
        last: int,
        heads: int,
        hidden: int,
    ) -> Tensor:
        """``rows [B, T, dim]``, which are changed -> the ``last`` rows of each after all layers, ``[B, last, dim]``.

        ``turn``: cosines and sines ``[T, half of the dimensions that turn]``.
        """
        batch, length, dim = rows.shape
        cosines, sines = turn
        out = torch.empty(batch, last, dim)
        self._code.dit_layers(
            layers, len(layers), rows.data_ptr(), out.data_ptr(), cosines.data_ptr(), sines.data_ptr(), batch, length,
            last, dim, heads, hidden, cosines.shape[-1], self._room(batch * length, dim, hidden),
            torch.get_num_threads(),
        )  # fmt: skip
        return out


def pointer(tensor: Tensor | None) -> int | None:
    """Where a tensor's numbers lie; its owner keeps it alive."""
    return None if tensor is None else tensor.data_ptr()
