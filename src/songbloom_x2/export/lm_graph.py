"""The sketch LM with its cache as plain tensors: what is cached comes in, what is new goes out.

The caller owns the cache and writes the new keys and values into it, so that nothing is copied in a step. One graph
fills the cache (many rows) and continues from it (one row).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from songbloom_x2.export.framing import split
from songbloom_x2.nn.attention import CausalAttention
from songbloom_x2.nn.rotary import Rotation, rotate, rotation
from songbloom_x2.sketch.lm import SketchLayer, SketchLM


class LmGraph(nn.Module):
    """``SketchLM`` for ``R`` sequences, ``T`` new rows, ``C`` cached positions of which ``position[r]`` are filled."""

    def __init__(self, lm: SketchLM) -> None:
        super().__init__()
        self.lm = lm

    def forward(self, rows: Tensor, keys: Tensor, values: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``rows [R, T, dim]``, ``keys`` and ``values [layers, R, H, C, head_dim]``, ``position [R]`` int64.

        Gives hidden states ``[R, T, dim]`` and the new keys and values ``[layers, R, H, T, head_dim]``.
        """
        lm, count = self.lm, rows.shape[1]
        steps = torch.arange(count, device=rows.device)
        turn = rotation(position[:, None] + steps, lm.head_dim, lm.rope_base)
        cached = torch.arange(keys.shape[3], device=rows.device) < position[:, None]
        outside = torch.cat((~cached[:, None].expand(-1, count, -1), _later(steps, position)), dim=2)[:, None]
        new_keys, new_values = [], []
        for index, layer in enumerate(lm.layers):
            assert isinstance(layer, SketchLayer)
            normed = layer.attention_norm(rows)
            attended, key, value = _attend(layer.attention, normed, turn, keys[index], values[index], outside)
            rows = rows + attended
            rows = rows + layer.mlp(layer.mlp_norm(rows))
            new_keys.append(key)
            new_values.append(value)
        hidden: Tensor = lm.norm(rows)
        return hidden, torch.stack(new_keys), torch.stack(new_values)


def _later(steps: Tensor, position: Tensor) -> Tensor:
    """Which of the new rows lie in the future of each new row: ``[R, T, T]``."""
    return (steps[None, :] > steps[:, None])[None].expand(position.shape[0], -1, -1)


def _attend(
    attention: CausalAttention, x: Tensor, turn: Rotation, keys: Tensor, values: Tensor, outside: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention over cached and new rows without joining them: ``[R, T, dim]``, new keys, new values."""
    heads = attention.heads
    query, key = (rotate(_by_head(linear(x), heads), turn) for linear in (attention.q, attention.k))
    value = _by_head(attention.v(x), heads)
    query = query * (1 / math.sqrt(query.shape[-1]))
    scores = torch.cat((query @ keys.transpose(2, 3), query @ key.transpose(2, 3)), dim=-1)
    weights = torch.softmax(scores.masked_fill(outside, -torch.inf), dim=-1)
    past, now = weights[..., : keys.shape[2]], weights[..., keys.shape[2] :]
    out: Tensor = attention.o((past @ values + now @ value).transpose(1, 2).flatten(2))
    return out, key, value


def _by_head(x: Tensor, heads: int) -> Tensor:
    return split(x, -1, (heads, -1)).transpose(1, 2)
