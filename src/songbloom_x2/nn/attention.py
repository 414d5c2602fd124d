"""Multi-head attention of the two transformers, through torch's scaled dot-product kernel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.nn.joined import joined
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
        self.qkv: nn.Module | None = None
        """The first three as one, once they were joined."""

    def join(self) -> None:
        """Project in one product from now on: the same numbers in fewer passes over the rows."""
        self.qkv = joined((self.q, self.k, self.v))
        del self.q, self.k, self.v

    def _projected(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.qkv is None:
            return self.q(x), self.k(x), self.v(x)
        parts: tuple[Tensor, ...] = self.qkv(x).chunk(3, dim=-1)
        return parts

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
        stored keys count; without a mask they are the first ones.
        """
        query, key, value = (_split(part, self.heads) for part in self._projected(x))
        query, key = rotate(query, turn), rotate(key, turn)
        if cache is not None and mask is None:
            # What the cache made of them, so that a song that is computed again is the song that was made.
            cache.fill(key, value)
            key, value = (part.to(query.dtype) for part in cache.read(key.shape[2]))
        if mask is None:
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            assert positions is not None and cache is not None
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

    def forward(self, x: Tensor, turn: Rotation, last: int | None = None) -> Tensor:
        """``x [B, T, dim]`` -> the same shape; with ``last``, only so many rows at the end of it."""
        query, key, value = (_split(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        query, key = rotate(query, turn), rotate(key, turn)
        if last is not None:
            query = query[:, :, -last:]
        attended = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(_join(attended))
        return out
