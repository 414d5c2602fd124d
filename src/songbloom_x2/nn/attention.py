"""Multi-head attention of the two transformers, through torch's scaled dot-product kernel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.nn.kv_cache import LayerCache
from songbloom_x2.nn.rotary import Rotation, rotate


def _split(x: Tensor, heads: int) -> Tensor:
    batch, length, dim = x.shape
    return x.view(batch, length, heads, dim // heads).transpose(1, 2)


def _join(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


class CausalAttention(nn.Module):
    """Attention to the past, rotary over whole heads, with an optional static cache. Four projections, no biases."""

    def __init__(self, dim: int, heads: int) -> None:
        """``dim`` is split evenly over ``heads``."""
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)

    def forward(
        self,
        x: Tensor,
        turn: Rotation,
        cache: LayerCache | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """``x [B, T, dim]`` -> the same shape.

        With a ``cache``, the new keys are stored at ``positions [B, T]`` and ``mask [B, 1, T, context]`` says which
        stored keys count.
        """
        query = rotate(_split(self.q(x), self.heads), turn)
        key = rotate(_split(self.k(x), self.heads), turn)
        value = _split(self.v(x), self.heads)
        if cache is None:
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            assert positions is not None and mask is not None
            cache.write(positions, key, value)
            keys, values = cache.read(mask.shape[-1])
            attended = F.scaled_dot_product_attention(query, keys.to(query.dtype), values.to(query.dtype), mask)
        out: Tensor = self.o(_join(attended))
        return out


class FullAttention(nn.Module):
    """Attention over the whole sequence, one joint projection, no biases."""

    def __init__(self, dim: int, heads: int) -> None:
        """``dim`` is split evenly over ``heads``."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, turn: Rotation) -> Tensor:
        """``x [B, T, dim]`` -> the same shape."""
        query, key, value = (_split(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(rotate(query, turn), rotate(key, turn), value)
        out: Tensor = self.out(_join(attended))
        return out
