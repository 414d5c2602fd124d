"""The released training objective: what is predicted where, what is dropped, and that it trains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS
from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SongConfig
from songbloom_x2.diffusion.flow import path, target
from songbloom_x2.objective import NO_TARGET, TrainingBatch, sketch_targets, training_losses
from songbloom_x2.song_model import SongModel

CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", "[verse]", ".", "A", "B"), max_len=5),
    prompt=PromptConfig(max_len=3),
    codec=OobleckConfig(),
    block_size=2,
    latent_dim=3,
    dim=32,
    num_heads=2,
    hidden_scale=2,
    lm_layers=2,
    diff_layers=2,
    num_pitch=9,
    timestep_features_dim=8,
    init_std=0.1,
)
SIDE = 1 + 3 * 3


def model(**changes: object) -> SongModel:
    torch.manual_seed(0)
    return SongModel(replace(CONFIG, **changes), codec=None)


def batch() -> TrainingBatch:
    generator = torch.Generator().manual_seed(1)
    return TrainingBatch(
        lyrics=[(1, 3, 4, 2), (1, 4)],
        prompts=[torch.randn(3, 3, generator=generator), None],
        tokens=torch.tensor([[0, 1, 2, 3, 4, 5], [6, 7, 8, 0, 10, 10]]),
        latents=torch.randn(2, 6, 3, generator=generator),
        blocks=torch.tensor([3, 2]),
        ends=torch.tensor([False, True]),
    )


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_targets() -> None:
    no, end = NO_TARGET, 9
    assert sketch_targets(batch(), 2, end).tolist() == [
        [0, 1, no, 2, 3, no, 4, 5, no, no],
        [6, 7, no, 8, 0, no, end, no, no, no],
    ]


def by_hand(net: SongModel, song: int) -> tuple[Tensor, Tensor]:
    """Hidden states from BOS on, and the rows' order, with plain loops."""
    data = batch()
    rows = [net.prefix([data.lyrics[song]], [data.prompts[song]])[0], net.sketch.bos[None]]
    for number in range(3):
        span = slice(2 * number, 2 * number + 2)
        rows.append(net.sketch.embedding(data.tokens[song, span]))
        rows.append(net.block_embedding(data.latents[song, span].reshape(1, -1)))
    hidden = net.sketch(torch.cat(rows)[None])[0, -SIDE:]
    return hidden, net.sketch.logits(hidden)


def test_losses_by_hand() -> None:
    net, data = model().eval().requires_grad_(False), batch()
    losses = training_losses(net, data, seeded())
    predicted = [by_hand(net, song) for song in range(2)]
    targets = sketch_targets(data, 2, 9)
    sketch = F.cross_entropy(torch.cat([logits for _, logits in predicted]), targets.flatten(), ignore_index=NO_TARGET)
    torch.testing.assert_close(losses.sketch, sketch)

    generator = seeded()
    t = torch.sigmoid(torch.randn(5, generator=generator))
    noise = torch.randn(5, 2, 3, generator=generator)
    errors = []
    for index, (song, number) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        span = slice(2 * number, 2 * number + 2)
        now = data.latents[song, span][None]
        before = data.latents[song, 2 * number - 2 : 2 * number][None] if number else torch.zeros(1, 2, 3)
        one = slice(index, index + 1)
        velocity = net.dit(
            path(now, noise[one], t[one], "rectified_flow"),
            t[one],
            predicted[song][0][3 * number + 2][None],
            net.sketch.embedding(data.tokens[song, span])[None],
            before,
        )
        errors.append((velocity - target(now, noise[one], t[one], "rectified_flow")).square().mean())
    torch.testing.assert_close(losses.flow, torch.stack(errors).mean())
    torch.testing.assert_close(losses.total, losses.sketch + 0.1 * losses.flow)


def test_everything_can_be_dropped_together() -> None:
    data = batch()
    gone = replace(data, lyrics=[EMPTY_LYRICS] * 2, prompts=[None] * 2)
    dropping = model(cfg_dropout=1.0, h_dropout=0.0).train()
    keeping = model(cfg_dropout=0.0, h_dropout=0.0, prompt_dropout=0.0).train()
    torch.testing.assert_close(
        training_losses(dropping, data, seeded()).total, training_losses(keeping, gone, seeded()).total
    )
    unprompted = replace(data, prompts=[None] * 2)
    dropping = model(cfg_dropout=0.0, h_dropout=0.0, prompt_dropout=1.0).train()
    torch.testing.assert_close(
        training_losses(dropping, data, seeded()).sketch, training_losses(keeping, unprompted, seeded()).sketch
    )


def test_the_renderer_s_own_dropout_leaves_the_sketch_alone() -> None:
    data = batch()
    net = model(cfg_dropout=0.0, prompt_dropout=0.0, h_dropout=1.0).train()
    losses = training_losses(net, data, seeded())
    torch.testing.assert_close(losses.sketch, training_losses(net.eval(), data, seeded()).sketch)
    losses.flow.backward()
    reached, cut = net.dit.latent_out.weight.grad, net.sketch.embedding.weight.grad
    assert reached is not None and reached.any()
    assert cut is not None and not cut.any(), "the renderer saw neither hidden state nor sketch"


@pytest.mark.parametrize("fusion", ["rows", "add"])
def test_a_few_steps_lower_the_loss(fusion: str) -> None:
    net, data = model(sketch_fusion=fusion).train(), batch()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    before = training_losses(net.eval(), data, seeded()).total.detach()
    net.train()
    for step in range(12):
        optimiser.zero_grad()
        training_losses(net, data, seeded(step)).total.backward()
        optimiser.step()
    assert training_losses(net.eval(), data, seeded()).total < 0.7 * before


def test_a_step_repeats_and_rendering_fewer_blocks_costs_no_sketch() -> None:
    net, data = model().train(), batch()
    first, again, other = (training_losses(net, data, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.total, again.total) and not torch.equal(first.total, other.total)
    fewer = training_losses(net.eval(), data, seeded(3), flow_blocks=2)
    torch.testing.assert_close(fewer.sketch, training_losses(net, data, seeded(3)).sketch)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for flag in (False, True):
        net = model().train()
        net.sketch.gradient_checkpointing = net.dit.gradient_checkpointing = flag
        training_losses(net, batch(), seeded()).total.backward()
        gradients.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, plain in gradients[0].items():
        torch.testing.assert_close(plain, gradients[1][name], atol=1e-6, rtol=1e-4)
