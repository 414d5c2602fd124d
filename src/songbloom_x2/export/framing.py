"""Cutting signals into frames in ways that export with any length."""

from __future__ import annotations

import torch
from torch import Tensor


def framed(signal: Tensor, size: int, hop: int) -> Tensor:
    """``[..., N]`` -> ``[..., (N - size) // hop + 1, size]``."""
    count = (signal.shape[-1] - size) // hop + 1
    device = signal.device
    index = torch.arange(count, device=device)[:, None] * hop + torch.arange(size, device=device)[None]
    return signal[..., index]


def split(x: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """``Tensor.unflatten``, with a type."""
    out: Tensor = x.unflatten(dim, sizes)  # type: ignore[no-untyped-call]
    return out
