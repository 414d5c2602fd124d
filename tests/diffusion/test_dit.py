"""The diffusion transformer's two ways of taking the sketch, and what each input changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SongConfig
from songbloom_x2.diffusion.dit import DiffusionTransformer

BASE = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("",)),
    prompt=PromptConfig(),
    codec=OobleckConfig(),
    block_size=4,
    latent_dim=3,
    dim=32,
    num_heads=2,
    hidden_scale=2,
    diff_layers=2,
    timestep_features_dim=8,
)
KINDS = [
    BASE,
    replace(BASE, time_cond_type="adaLN"),
    replace(BASE, sketch_fusion="add", diff_dim=48, diff_heads=3),
    replace(BASE, sketch_fusion="add", time_cond_type="adaLN"),
]


def build(config: SongConfig) -> tuple[DiffusionTransformer, list[Tensor]]:
    torch.manual_seed(0)
    dit = DiffusionTransformer(config)
    inputs = [
        torch.randn(2, 4, 3),
        torch.tensor([0.2, 0.7]),
        torch.randn(2, dit.dim),
        torch.randn(2, dit.sketch_rows, dit.dim),
        torch.randn(2, 4, 3),
    ]
    return dit, inputs


@pytest.mark.parametrize("config", KINDS)
def test_every_input_counts_and_songs_are_apart(config: SongConfig) -> None:
    dit, inputs = build(config)
    with torch.no_grad():
        velocity = dit(*inputs)
        assert velocity.shape == (2, 4, 3)
        for number in range(5):
            changed = [x.clone() for x in inputs]
            # One value only: a shift of a whole row is what layer norm takes away.
            changed[number][1].view(-1)[0] += 0.5
            found = dit(*changed)
            torch.testing.assert_close(found[0], velocity[0], atol=1e-6, rtol=0)
            assert (found[1] - velocity[1]).abs().max() > 1e-5, f"input {number} changes nothing"


@pytest.mark.parametrize("config", KINDS)
def test_time_embeddings_may_be_computed_before(config: SongConfig) -> None:
    dit, (noisy, t, hidden, sketch, previous) = build(config)
    with torch.no_grad():
        table = dit.embed_time(torch.tensor([0.9, 0.2, 0.7]))
        found = dit.velocity(noisy, table[1:], hidden, sketch, previous)
        torch.testing.assert_close(found, dit(noisy, t, hidden, sketch, previous), atol=1e-6, rtol=0)


def test_both_halves_of_an_added_sketch_count() -> None:
    dit, inputs = build(KINDS[2])
    assert dit.sketch_rows == 8
    with torch.no_grad():
        velocity = dit(*inputs)
        for row in (1, 6):
            changed = [x.clone() for x in inputs]
            changed[3][:, row, 0] += 0.5
            assert (dit(*changed) - velocity).abs().max() > 1e-4


@pytest.mark.parametrize("config", KINDS)
def test_gradient_checkpointing_changes_no_gradient(config: SongConfig) -> None:
    dit, inputs = build(config)
    gradients = []
    for flag in (False, True):
        dit.gradient_checkpointing = flag
        dit.zero_grad()
        dit(*inputs).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in dit.parameters() if parameter.grad is not None])
    assert len(gradients[0]) == len(list(dit.parameters()))
    for plain, kept in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, kept, atol=1e-5, rtol=1e-4)
