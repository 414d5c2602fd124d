"""Normalisation over the last dimension, always computed in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Root-mean-square norm with a learned ``weight`` (Zhang and Sennrich, arXiv 1910.07467)."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        """``dim``: width of the normalised dimension."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> the same shape and type."""
        normed = F.rms_norm(x.float(), (x.shape[-1],), None, self.eps)
        return normed.to(x.dtype) * self.weight


class LayerNorm(nn.Module):
    """Layer norm with a learned scale ``gamma`` and no shift."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        """``dim``: width of the normalised dimension."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> the same shape and type."""
        normed = F.layer_norm(x.float(), (x.shape[-1],), self.gamma.float(), None, self.eps)
        return normed.to(x.dtype)
