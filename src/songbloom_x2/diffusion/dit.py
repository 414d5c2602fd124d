"""The diffusion transformer: one evaluation predicts the velocity of one block of latents.

Format page, "State-dict keys" and "Generation". Two ways for the sketch to come in: ``rows`` (released), where the
sequence is ``[time, h, sketch, previous, noisy]``, and ``add`` (embedded), where the sketch of both blocks is added to
their latent rows: ``[time, h, previous + sketch, noisy + sketch + time]``. The time row is there for ``prepend`` only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from songbloom_x2.config import SongConfig
from songbloom_x2.nn.attention import FullAttention
from songbloom_x2.nn.mlp import GatedMLP
from songbloom_x2.nn.norms import LayerNorm
from songbloom_x2.nn.rotary import Rotation, rotation


class FourierFeatures(nn.Module):
    """``cat(cos(2 pi t w), sin(2 pi t w))`` of times in [0, 1]."""

    def __init__(self, features: int) -> None:
        """``features``: width of the result, even."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features // 2, 1))

    def forward(self, t: Tensor) -> Tensor:
        """Times ``[B]`` -> float32 ``[B, features]``."""
        angles = 2 * math.pi * t.float()[:, None] * self.weight.float().T
        return torch.cat((angles.cos(), angles.sin()), dim=-1)


class DitLayer(nn.Module):
    """One pre-norm layer; with ``modulated`` the time embedding shifts, scales and gates both branches (adaLN)."""

    def __init__(self, dim: int, heads: int, hidden: int, modulated: bool) -> None:
        """``hidden``: width inside the feed-forward layer."""
        super().__init__()
        self.attention_norm = LayerNorm(dim)
        self.attention = FullAttention(dim, heads)
        self.mlp_norm = LayerNorm(dim)
        self.mlp = GatedMLP(dim, hidden)
        self.modulation = nn.Linear(dim, 6 * dim, bias=False) if modulated else None

    def forward(self, x: Tensor, turn: Rotation, time: Tensor, last: int | None = None) -> Tensor:
        """``x [B, T, dim]`` and the time embedding ``[B, dim]`` -> ``[B, T, dim]``, or only the ``last`` rows of it."""
        kept = x if last is None else x[:, -last:]
        if self.modulation is None:
            x = kept + self.attention(self.attention_norm(x), turn, last)
            out: Tensor = x + self.mlp(self.mlp_norm(x))
            return out
        parts = self.modulation(nn.functional.silu(time))[:, None].chunk(6, dim=-1)
        scale, shift, gate, mlp_scale, mlp_shift, mlp_gate = parts
        branch = self.attention(self.attention_norm(x) * (1 + scale) + shift, turn, last)
        x = kept + branch * torch.sigmoid(1 - gate)
        branch = self.mlp(self.mlp_norm(x) * (1 + mlp_scale) + mlp_shift)
        gated: Tensor = x + branch * torch.sigmoid(1 - mlp_gate)
        return gated


class DiffusionTransformer(nn.Module):
    """Predicts the velocity of a noisy block, given the time, the LM's hidden state, sketch and previous block."""

    def __init__(self, config: SongConfig) -> None:
        """Width ``diff_dim`` and ``diff_heads`` where set, else those of the LM."""
        super().__init__()
        self.dim = config.diff_dim or config.dim
        self.heads = config.diff_heads or config.num_heads
        self.block_size = config.block_size
        self.fusion = config.sketch_fusion
        self.prepend_time = config.time_cond_type == "prepend"
        head_dim = self.dim // self.heads
        self.rotary_dims = min(head_dim, max(head_dim // 2, 32))
        self.rope_base = config.rope_base_dit
        self.gradient_checkpointing = False
        self.latent_in = nn.Linear(config.latent_dim, self.dim)
        self.latent_out = nn.Linear(self.dim, config.latent_dim)
        self.time_features = FourierFeatures(config.timestep_features_dim)
        self.time_embed = nn.Sequential(
            nn.Linear(config.timestep_features_dim, self.dim, bias=False), nn.SiLU(), nn.Linear(self.dim, self.dim)
        )
        hidden = int(config.hidden_scale * self.dim)
        self.layers = nn.ModuleList(
            DitLayer(self.dim, self.heads, hidden, not self.prepend_time) for _ in range(config.diff_layers)
        )

    @property
    def sketch_rows(self) -> int:
        """How many sketch rows an evaluation wants: one block, or the previous and this one."""
        return self.block_size if self.fusion == "rows" else 2 * self.block_size

    def embed_time(self, t: Tensor) -> Tensor:
        """Times ``[B]`` in [0, 1] -> ``[B, dim]``; may be computed for all steps at once."""
        features = self.time_features(t).to(self.latent_in.bias.dtype)
        out: Tensor = self.time_embed(features)
        return out

    def forward(self, noisy: Tensor, t: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        """Velocity ``[B, block, D]`` at times ``t [B]``; the rest as in ``velocity``."""
        return self.velocity(noisy, self.embed_time(t), hidden, sketch, previous)

    def velocity(self, noisy: Tensor, time: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        """Velocity ``[B, block, D]``, in the type of ``noisy``.

        ``noisy`` and ``previous [B, block, D]``, ``time [B, dim]`` from ``embed_time``, ``hidden [B, dim]``,
        ``sketch [B, sketch_rows, dim]``.
        """
        rows = self.rows(noisy, time, hidden, sketch, previous)
        positions = torch.arange(rows.shape[1], device=rows.device)[None]
        turn = rotation(positions, self.rotary_dims, self.rope_base)
        for index, layer in enumerate(self.layers):
            # Of the last layer, the velocity needs the noisy rows only.
            last = self.block_size if index == len(self.layers) - 1 else None
            if self.gradient_checkpointing and self.training:
                rows = checkpoint(layer, rows, turn, time, last, use_reentrant=False)
            else:
                rows = layer(rows, turn, time, last)
        out: Tensor = self.latent_out(rows)
        return out.to(noisy.dtype)

    def rows(self, noisy: Tensor, time: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        """What the layers see, ``[B, T, dim]``; arguments as for ``velocity``."""
        before, now = (self.latent_in(latents.to(hidden.dtype)) for latents in (previous, noisy))
        rows = [time[:, None]] if self.prepend_time else []
        rows.append(hidden[:, None])
        if self.fusion == "rows":
            rows += [sketch, before, now]
        else:
            rows += [before + sketch[:, : self.block_size], now + sketch[:, self.block_size :] + time[:, None]]
        return torch.cat(rows, dim=1)
