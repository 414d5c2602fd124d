"""Norms and rotary positions by their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from songbloom_x2.nn.mlp import GatedMLP
from songbloom_x2.nn.norms import LayerNorm, RMSNorm
from songbloom_x2.nn.rotary import rotate, rotation


def test_norms() -> None:
    x = torch.randn(4, 10, generator=torch.Generator().manual_seed(0)) * 3 + 1
    rms, layer = RMSNorm(10), LayerNorm(10)
    with torch.no_grad():
        rms.weight.copy_(torch.arange(10.0))
        layer.gamma.copy_(torch.arange(10.0))
    expected = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * torch.arange(10.0)
    torch.testing.assert_close(rms(x), expected)
    centred = x - x.mean(-1, keepdim=True)
    expected = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * torch.arange(10.0)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kind", [RMSNorm, LayerNorm])
def test_norms_of_large_half_precision_rows_stay_finite(kind: type[RMSNorm] | type[LayerNorm]) -> None:
    x = torch.full((1, 64), 3e4, dtype=torch.float16)
    x[0, ::2] = -3e4
    normed = kind(64).half()(x)
    assert normed.dtype == torch.float16
    torch.testing.assert_close(normed.float(), x.float().sign(), atol=2e-3, rtol=0)


def test_rotation_depends_on_the_distance_only() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 12, generator=generator)
    scores = []
    for first, second in ((3, 1), (1002, 1000), (2, 0)):
        turned = [rotate(x, rotation(torch.tensor([[at]]), 8, 20000)) for x, at in ((query, first), (key, second))]
        scores.append((turned[0] * turned[1]).sum())
    torch.testing.assert_close(torch.stack(scores), scores[0].expand(3), atol=1e-3, rtol=1e-3)


def test_rotation_turns_pairs_half_a_part_away_and_leaves_the_rest() -> None:
    x = torch.arange(1.0, 13).view(1, 1, 1, 12)
    turned = rotate(x, rotation(torch.tensor([[5]]), 8, 100.0)).flatten()
    for pair in range(4):
        angle = 5 * 100.0 ** (-2 * pair / 8)
        first, second = pair + 1.0, pair + 5.0
        assert math.isclose(turned[pair], first * math.cos(angle) - second * math.sin(angle), abs_tol=1e-4)
        assert math.isclose(turned[pair + 4], second * math.cos(angle) + first * math.sin(angle), abs_tol=1e-4)
    assert turned[8:].tolist() == [9, 10, 11, 12]


def test_far_positions_differ_in_half_precision() -> None:
    x = torch.ones(1, 1, 2, 8, dtype=torch.bfloat16)
    turned = rotate(x, rotation(torch.tensor([[4000, 4001]]), 8, 20000))
    assert turned.dtype == torch.bfloat16
    assert (turned[0, 0, 0] - turned[0, 0, 1]).abs().max() > 0.3


def test_gated_mlp() -> None:
    mlp = GatedMLP(3, 5).requires_grad_(False)
    x = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    gate = x @ mlp.gate.weight.T
    expected = (gate * torch.sigmoid(gate) * (x @ mlp.up.weight.T)) @ mlp.down.weight.T
    torch.testing.assert_close(mlp(x), expected)
