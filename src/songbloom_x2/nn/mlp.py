"""The gated feed-forward layer of both transformers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class GatedMLP(nn.Module):
    """``down(silu(gate(x)) * up(x))``, no biases (SwiGLU, arXiv 2002.05202)."""

    def __init__(self, dim: int, hidden: int) -> None:
        """``hidden``: width between the projections."""
        super().__init__()
        self.gate = nn.Linear(dim, hidden, bias=False)
        self.up = nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> ``[..., dim]``."""
        out: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return out
