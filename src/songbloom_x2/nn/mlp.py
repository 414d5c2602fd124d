"""The gated feed-forward layer of both transformers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.nn.joined import joined


class GatedMLP(nn.Module):
    """``down(silu(gate(x)) * up(x))``, no biases (SwiGLU, arXiv 2002.05202)."""

    def __init__(self, dim: int, hidden: int) -> None:
        """``hidden``: width between the projections."""
        super().__init__()
        self.gate = nn.Linear(dim, hidden, bias=False)
        self.up = nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)
        self.gate_up: nn.Module | None = None
        """Gate and up as one, once they were joined."""

    def join(self) -> None:
        """Project in one product from now on: the same numbers in fewer passes over the rows."""
        self.gate_up = joined((self.gate, self.up))
        del self.gate, self.up

    def forward(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> ``[..., dim]``."""
        if self.gate_up is None:
            gate, up = self.gate(x), self.up(x)
        else:
            gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: Tensor = self.down(F.silu(gate) * up)
        return out
