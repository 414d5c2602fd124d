"""The engine against a slow reference, against itself in batches, and where songs end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import Generation, SongState, SongTask, generate_blocks
from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition
from songbloom_x2.types import Style

Models = Callable[..., SongModel]
GOLDEN = Path(__file__).parents[1] / "golden"
LYRICS = ((1, 5, 6, 4, 7, 8, 3), (2, 8, 3, 1, 6, 6), (5,))
DRAWN = SamplingConfig(steps=3, temperature=1.0, top_k=5, diff_temperature=0.6, penalty_window=6)


def conditions(model: SongModel) -> list[SongCondition]:
    generator = torch.Generator().manual_seed(3)
    styles = [Style("noise", torch.randn(3, length, generator=generator)) for length in (6, 9, 2)]
    return [model.condition(ids, style) for ids, style in zip(LYRICS, styles, strict=True)]


def make(model: SongModel, tasks: list[SongTask], sampling: SamplingConfig) -> tuple[SongState, ...]:
    generation = Generation(model.steps(), tasks, sampling)
    list(generation.blocks())
    return generation.state.songs


def same(found: SongState, expected: Any, tolerance: float) -> None:
    assert found.tokens.tolist() == expected.tokens.tolist()
    torch.testing.assert_close(found.latents, expected.latents, atol=tolerance, rtol=0)
    assert found.ending == expected.ending


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as released": ({}, {}),
    "global": ({}, {"dit_guidance": "global", "cfg_lm": 1.7, "cfg_diff": 1.2}),
    "global, language model unguided": ({}, {"dit_guidance": "global", "cfg_lm": 1.0, "cfg_diff": 2.0}),
    "unguided": ({}, {"dit_guidance": "none", "cfg_lm": 1.0}),
    "latents unguided": ({}, {"dit_guidance": "h", "cfg_diff": 1.0}),
    "v, adaLN": ({"diffusion_objective": "v", "time_cond_type": "adaLN"}, {"top_k": 0, "top_p": 0.8}),
    "sketch added": ({"sketch_fusion": "add"}, {"penalty_repeat": False}),
    "sketch added, adaLN": ({"sketch_fusion": "add", "time_cond_type": "adaLN"}, {"diff_temperature": 1.0}),
    "arg-max": ({}, {"use_sampling": False}),
    "temperature 0": ({}, {"temperature": 0.0, "dit_guidance": "global"}),
    "plain sampling": ({}, {"top_k": 0, "temperature": 1.3}),
    "window longer than the song": ({}, {"penalty_window": 100, "penalty": 1.8}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_song_equals_the_slow_reference(kind: str, tiny_model: Models, slow_song: Callable[..., Any]) -> None:
    shape, settings = KINDS[kind]
    model, sampling = tiny_model(**shape), replace(DRAWN, **settings)
    condition = conditions(model)[0]
    slow = slow_song(model, condition, sampling, 11, max_frames=20)
    (song,) = make(model, [SongTask(condition, seed=11, max_frames=20)], sampling)
    same(song, slow, 1e-4)
    assert song.frames >= 8


@pytest.mark.parametrize("guidance", ["h", "global", "none"])
def test_a_song_in_a_batch_equals_itself_alone(guidance: Any, tiny_model: Models) -> None:
    model, sampling = tiny_model(end_bias=0.5), replace(DRAWN, dit_guidance=guidance)
    tasks = [SongTask(c, seed, min_frames=4) for c, seed in zip(conditions(model), (5, 6, 7), strict=True)]
    together = make(model, tasks, sampling)
    for task, song in zip(tasks, together, strict=True):
        same(song, make(model, [task], sampling)[0], 1e-4)
    assert len({song.frames for song in together}) > 1, "songs of different length are the point here"


@pytest.mark.parametrize("name", ["prepend-flow", "adaln-v"])
def test_golden_models_batched(name: str) -> None:
    model = load_official(GOLDEN / name).model
    sampling = replace(model.config.sampling, steps=3)
    generator = torch.Generator().manual_seed(1)
    prompts = [torch.randn(model.config.latent_dim, length, generator=generator) for length in (50, 20, 33)]
    lyrics = ([5, 83, 63, 11, 2], [1, 1, 9, 6, 325, 191], [5, 82, 21, 72])
    tasks = [
        SongTask(model.condition(ids, Style("noise", prompt)), seed, max_frames=24, min_frames=16)
        for seed, (ids, prompt) in enumerate(zip(lyrics, prompts, strict=True))
    ]
    for task, song in zip(tasks, make(model, tasks, sampling), strict=True):
        same(song, make(model, [task], sampling)[0], 1e-4)


def test_blocks_come_as_they_are_made(tiny_model: Models) -> None:
    model = tiny_model(end_bias=0.5)
    tasks = [SongTask(c, seed, min_frames=4) for c, seed in zip(conditions(model), (5, 6, 7), strict=True)]
    blocks = list(generate_blocks(model.steps(), tasks, DRAWN))
    songs = make(model, tasks, DRAWN)
    for number, song in enumerate(songs):
        own = [block for block in blocks if block.song == number]
        assert [block.index for block in own] == list(range(len(own)))
        assert torch.equal(torch.cat([block.tokens for block in own]), song.tokens)
        assert torch.equal(torch.cat([block.latents for block in own], dim=1), song.latents)
        assert own[0].latents.shape == (3, 4) and own[0].latents.dtype == torch.float32
    assert [block.index for block in blocks] == sorted(block.index for block in blocks)


def test_seeds_and_nothing_else_make_the_difference(tiny_model: Models) -> None:
    model = tiny_model()
    condition = conditions(model)[0]
    first, again, other = (make(model, [SongTask(condition, seed)], DRAWN)[0] for seed in (1, 1, 2))
    assert torch.equal(first.tokens, again.tokens) and torch.equal(first.latents, again.latents)
    assert not torch.equal(first.latents, other.latents)


@pytest.mark.parametrize(("asked", "made"), [(1, 4), (4, 4), (8, 8), (9, 12), (10, 12), (12, 12), (24, 24)])
def test_length_ends_a_song_at_a_whole_block(asked: int, made: int, tiny_model: Models) -> None:
    model = tiny_model(end_bias=-1e4)
    condition = conditions(model)[0]
    for task, sampling in (
        (SongTask(condition, max_frames=asked), DRAWN),
        (SongTask(condition), replace(DRAWN, max_frames=asked)),
    ):
        (song,) = make(model, [task], sampling)
        assert (song.frames, song.ending) == (made, "length")


def test_the_end_is_held_back_until_there_are_enough_frames(tiny_model: Models, slow_song: Callable[..., Any]) -> None:
    model = tiny_model(end_bias=6.0)
    condition = conditions(model)[0]
    sampling = replace(DRAWN, penalty_repeat=False)
    slow = slow_song(model, condition, sampling, 4, max_frames=24, min_frames=10)
    (song,) = make(model, [SongTask(condition, seed=4, min_frames=10)], sampling)
    same(song, slow, 1e-4)
    assert (song.frames, song.ending) == (12, "end")


def test_a_song_that_ends_before_it_begins_is_an_error_but_not_its_neighbours(tiny_model: Models) -> None:
    model = tiny_model(end_bias=1e4)
    condition = conditions(model)[0]
    tasks = [SongTask(condition, min_frames=8), SongTask(condition), SongTask(condition, min_frames=4)]
    generation = Generation(model.steps(), tasks, DRAWN)
    blocks = []
    with pytest.raises(SongBloomError, match="song 1: the model ended it before its first block"):
        for block in generation.blocks():
            blocks.append((block.song, block.index))  # noqa: PERF401  # what came before the error counts
    assert blocks == [(0, 0), (2, 0), (0, 1)]
    assert [song.frames for song in generation.state.songs] == [8, 0, 4]


def test_without_guidance_the_unconditional_branch_does_not_run(tiny_model: Models) -> None:
    model = tiny_model()
    steps = model.steps()
    rows: list[int] = []

    def watched(row: torch.Tensor, cache: Any, context: int) -> torch.Tensor:
        rows.append(len(row))
        return steps.lm_step(row, cache, context)

    for guidance, factors, halves in (
        ("h", (1.0, 1.5), 1),
        ("h", (1.5, 1.5), 2),
        ("global", (1.0, 1.0), 1),
        ("global", (1.0, 1.5), 2),
        ("none", (1.0, 3.0), 1),
    ):
        rows.clear()
        sampling = replace(DRAWN, dit_guidance=guidance, cfg_lm=factors[0], cfg_diff=factors[1])
        tasks = [SongTask(condition) for condition in conditions(model)]
        next(Generation(replace(steps, lm_step=watched), tasks, sampling).blocks())
        assert rows == [3 * halves] * 5


def test_limits_without_sense_are_refused(tiny_model: Models) -> None:
    model = tiny_model()
    condition = conditions(model)[0]
    with pytest.raises(ConfigError, match="max_frames is 0"):
        Generation(model.steps(), [SongTask(condition, max_frames=0)], DRAWN)
    with pytest.raises(ConfigError, match="steps is 0"):
        Generation(model.steps(), [SongTask(condition)], replace(DRAWN, steps=0))
