"""Weights that come and go: in which order, and that the songs are the same. The moves are noted, not made."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.engine import SongTask, generate_blocks
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime import offload
from songbloom_x2.runtime.memory import estimated
from songbloom_x2.runtime.placement import place
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel

CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", ".", ",", "A"), max_len=5),
    prompt=PromptConfig(4),
    codec=OobleckConfig(),
    sampling=SamplingConfig(steps=3),
    latent_dim=4,
    dim=32,
    num_heads=2,
    block_size=4,
    lm_layers=2,
    diff_layers=3,
    num_pitch=31,
    max_frames=16,
)


@pytest.fixture
def model() -> SongModel:
    torch.manual_seed(0)
    return SongModel(CONFIG, codec=None).eval().requires_grad_(False)


class Moves:
    """Notes what would be moved where."""

    def __init__(self) -> None:
        self.made: list[tuple[nn.Module, str]] = []
        self.most = 0

    def __call__(self, module: nn.Module, device: str) -> None:
        self.made.append((module, device))
        self.most = max(self.most, len(self.present))

    @property
    def present(self) -> set[int]:
        where = {id(module): device for module, device in self.made}
        return {module for module, device in where.items() if device == "gpu"}


def song(model: SongModel, steps) -> list[torch.Tensor]:
    return [
        block.latents
        for block in generate_blocks(steps, [SongTask(model.condition([1, 3], None), 0, 9, 12)], CONFIG.sampling)
    ]


def test_one_stage_at_a_time(model: SongModel) -> None:
    expected = song(model, model.steps())
    moves = Moves()
    found = song(model, offload.by_stage(model.steps(), model, "gpu", moves))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    blocks, layers = len(expected), CONFIG.lm_layers + CONFIG.diff_layers
    assert moves.most == CONFIG.diff_layers
    # All leave at the start; every block brings both stages and sends the other away, but for the first.
    assert len(moves.made) == layers + 2 * layers * blocks - CONFIG.diff_layers
    assert moves.present == {id(layer) for layer in model.dit.layers}


def test_one_layer_at_a_time(model: SongModel) -> None:
    expected = song(model, model.steps())
    moves = Moves()
    offload.by_layer(model, "gpu", moves)
    found = song(model, model.steps())
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert moves.most == 1 and not moves.present
    assert {id(module) for module, _ in moves.made} == {
        id(layer) for part in (model.sketch, model.dit) for layer in part.layers
    }


def test_where_it_makes_no_sense() -> None:
    for by in ("stage", "layer"):
        with pytest.raises(RuntimePlanError, match=f"offload '{by}': only a GPU"):
            resolve(RuntimeConfig(device="cpu", offload=by))  # type: ignore[arg-type]
    with pytest.raises(RuntimePlanError, match="offload 'all' is unknown"):
        resolve(RuntimeConfig(device="cpu", offload="all"))  # type: ignore[arg-type]
    assert resolve(RuntimeConfig(device="cpu")).offload == "none"


@pytest.mark.parametrize("by", ["stage", "layer"])
def test_the_plan_does_it(model: SongModel, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    moves = Moves()
    monkeypatch.setattr(offload, "moved", moves)
    monkeypatch.setattr(offload.by_stage, "__defaults__", (moves,))
    monkeypatch.setattr(offload.by_layer, "__defaults__", (moves,))
    plan = dataclasses.replace(resolve(RuntimeConfig(device="cpu")), offload=by)
    song(model, plan.steps(plan.place(model)))
    assert moves.made


@pytest.mark.parametrize("by", ["stage", "layer"])
def test_layers_never_go_to_the_gpu_all_at_once(model: SongModel, by: str) -> None:
    """The ``meta`` device stands in for a GPU: what lies there has no memory here."""
    place(model, torch.device("meta"), torch.float32, layers_wait=True)
    layers = (*model.sketch.layers, *model.dit.layers)
    assert not any(parameter.is_meta for layer in layers for parameter in layer.parameters())
    assert model.sketch.embedding.weight.is_meta and model.dit.latent_in.weight.is_meta
    plan = resolve(RuntimeConfig(device="cpu"))
    whole = estimated(model, plan, 1, 0)
    less = estimated(model, dataclasses.replace(plan, offload=by), 1, 0)
    sizes = [sum(parameter.nbytes for parameter in layer.parameters()) for layer in layers]
    lm, dit = sum(sizes[: CONFIG.lm_layers]), sum(sizes[CONFIG.lm_layers :])
    assert whole.weights - less.weights == lm + dit - (max(lm, dit) if by == "stage" else max(sizes))
