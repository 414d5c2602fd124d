"""Rotary position embeddings, half-rotation convention, full or on the first dimensions of each head only.

Su et al., arXiv 2104.09864. Angles are always float32: in bfloat16 positions above 256 would collide.
"""

from __future__ import annotations

import torch
from torch import Tensor

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines, each ``[B or 1, 1, T, rotary_dims / 2]``."""


def rotation(positions: Tensor, rotary_dims: int, base: float) -> Rotation:
    """Cosines and sines of integer ``positions [B, T]`` for heads whose first ``rotary_dims`` dimensions rotate."""
    steps = torch.arange(0, rotary_dims, 2, dtype=torch.float32, device=positions.device)
    frequencies = 1.0 / base ** (steps / rotary_dims)
    angles = positions.float()[:, None, :, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x: Tensor, turn: Rotation) -> Tensor:
    """Rotate queries or keys ``[B, H, T, head_dim]``; dimensions beyond the rotary part pass unchanged."""
    cos, sin = turn
    half = cos.shape[-1]
    first, second, rest = torch.split(x, [half, half, x.shape[-1] - 2 * half], dim=-1)
    turned = (first * cos - second * sin, second * cos + first * sin)
    return torch.cat((*(part.to(x.dtype) for part in turned), rest), dim=-1)
