"""The sketch language model: a causal decoder over conditioning rows, token embeddings and block embeddings.

Format page, "State-dict keys". It knows neither lyrics nor latents: rows go in, hidden states come out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from songbloom_x2.config import SongConfig
from songbloom_x2.nn.attention import CausalAttention
from songbloom_x2.nn.kv_cache import KVCache, LayerCache
from songbloom_x2.nn.mlp import GatedMLP
from songbloom_x2.nn.norms import RMSNorm
from songbloom_x2.nn.rotary import Rotation, rotation


class SketchLayer(nn.Module):
    """One pre-norm decoder layer."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        """``hidden``: width inside the feed-forward layer."""
        super().__init__()
        self.attention_norm = RMSNorm(dim)
        self.attention = CausalAttention(dim, heads)
        self.mlp_norm = RMSNorm(dim)
        self.mlp = GatedMLP(dim, hidden)

    def forward(
        self,
        x: Tensor,
        turn: Rotation,
        cache: LayerCache | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """``[B, T, dim]`` -> ``[B, T, dim]``; see ``CausalAttention`` for the cache."""
        x = x + self.attention(self.attention_norm(x), turn, cache, positions, mask)
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class SketchLM(nn.Module):
    """The decoder. Token ids: 0 to ``end_token - 1`` sketch, ``end_token`` (EOS), ``ignore_token`` (no token)."""

    def __init__(self, config: SongConfig) -> None:
        """Shape from ``dim``, ``num_heads``, ``hidden_scale``, ``lm_layers``, ``num_pitch``."""
        super().__init__()
        dim = config.dim
        self.dim = dim
        self.heads = config.num_heads
        self.head_dim = dim // config.num_heads
        self.rope_base = config.rope_base_lm
        self.end_token = config.num_pitch
        self.ignore_token = config.num_pitch + 1
        self.gradient_checkpointing = False
        self.bos = nn.Parameter(torch.zeros(dim))
        self.embedding = nn.Embedding(config.num_pitch + 2, dim)
        hidden = int(config.hidden_scale * dim)
        self.layers = nn.ModuleList(SketchLayer(dim, config.num_heads, hidden) for _ in range(config.lm_layers))
        self.norm = RMSNorm(dim)
        self.classifier = nn.Sequential(
            nn.Linear(dim, dim, bias=False), nn.SiLU(), nn.Linear(dim, config.num_pitch + 1)
        )

    def new_cache(self, batch: int, capacity: int, dtype: torch.dtype | None = None) -> KVCache:
        """An empty cache in the model's own place, and type unless ``dtype`` is another."""
        like = self.bos
        kind = like.dtype if dtype is None else dtype
        return KVCache(len(self.layers), batch, self.heads, capacity, self.head_dim, kind, like.device)

    def forward(
        self, rows: Tensor, cache: KVCache | None = None, context: int | None = None, fresh: bool = False
    ) -> Tensor:
        """``rows [B, T, dim]`` -> normed hidden states ``[B, T, dim]``.

        With a ``cache`` the rows continue what is in it, and its positions move on by ``T``. ``context`` is how many
        cached keys to look at: at least the furthest position after this call, the capacity if left out. ``fresh``
        says that the cache is empty, so that there is nothing to look at but the rows.
        """
        length = rows.shape[1]
        if cache is None or fresh:
            positions = torch.arange(length, device=rows.device)[None]
            mask = None
        else:
            positions = cache.positions(length)
            mask = cache.mask(positions, cache.capacity if context is None else context)
        turn = rotation(positions, self.head_dim, self.rope_base)
        for index, layer in enumerate(self.layers):
            if self.gradient_checkpointing and self.training and cache is None:
                rows = checkpoint(layer, rows, turn, use_reentrant=False)
            else:
                rows = layer(rows, turn, None if cache is None else cache.layers[index], positions, mask)
        if cache is not None:
            cache.advance(length)
        hidden: Tensor = self.norm(rows)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states ``[..., dim]`` -> logits of sketch tokens and EOS, ``[..., V + 1]``."""
        out: Tensor = self.classifier(hidden)
        return out
