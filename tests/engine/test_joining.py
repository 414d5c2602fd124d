"""Songs that come and go while others are being made: each is what it would be alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch

from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import Generation, SongTask
from songbloom_x2.song_model import SongModel
from songbloom_x2.types import SongBlock

SAMPLING = SamplingConfig(steps=3, temperature=1.0, top_k=5, diff_temperature=0.6, penalty_window=6)


def task(model: SongModel, seed: int, blocks: int) -> SongTask:
    frames = blocks * model.config.block_size
    return SongTask(model.condition([1, 5, 6, 2][: 1 + seed], None), seed, frames - 3, frames)


def alone(model: SongModel, asked: SongTask) -> list[SongBlock]:
    return list(Generation(model.steps(), [asked], SAMPLING).blocks())


@pytest.mark.parametrize("cfg_lm", [1.0, 1.5])
def test_a_waiting_song_joins_where_one_left(tiny_model: Callable[..., SongModel], cfg_lm: float) -> None:
    model = tiny_model(end_bias=-1e4)
    sampling = dataclasses.replace(SAMPLING, cfg_lm=cfg_lm)
    tasks = [task(model, seed, blocks) for seed, blocks in enumerate((1, 5, 2, 3))]
    generation = Generation(model.steps(), tasks[:2], sampling)
    waiting, most = tasks[2:], 0
    made: dict[int, list[SongBlock]] = {}
    for block in generation.blocks():
        made.setdefault(block.song, []).append(block)
        most = max(most, generation.going_on)
        while waiting and generation.going_on < 2:
            number = generation.join(waiting.pop(0))
            assert number == 4 - len(waiting) - 1
    assert most == 2 and generation.going_on == 0
    for number, asked in enumerate(tasks):
        expected = list(Generation(model.steps(), [asked], sampling).blocks())
        assert [block.index for block in made[number]] == [block.index for block in expected]
        for found, wanted in zip(made[number], expected, strict=True):
            assert torch.equal(found.tokens, wanted.tokens)
            torch.testing.assert_close(found.latents, wanted.latents, atol=1e-4, rtol=1e-4)


def test_joining_when_all_are_over(tiny_model: Callable[..., SongModel]) -> None:
    model = tiny_model(end_bias=-1e4)
    first, second = task(model, 0, 2), task(model, 1, 2)
    generation = Generation(model.steps(), [first], SAMPLING)
    assert len(list(generation.blocks())) == 2
    assert generation.join(second) == 1
    found = list(generation.blocks())
    assert [block.song for block in found] == [1, 1]
    for block, wanted in zip(found, alone(model, second), strict=True):
        assert torch.equal(block.tokens, wanted.tokens)
    assert [song.frames for song in generation.state.songs] == [8, 8]


def test_a_song_that_is_taken_out_leaves_the_others_as_they_are(tiny_model: Callable[..., SongModel]) -> None:
    model = tiny_model(end_bias=-1e4)
    tasks = [task(model, seed, 4) for seed in (0, 1, 2)]
    generation = Generation(model.steps(), tasks[:2], SAMPLING)
    found = [generation.step(), generation.step()]
    state = generation.release(0)
    assert state.frames == 8 and generation.over(0) and generation.going_on == 1
    generation.join(tasks[2])
    while (made := generation.step()) is not None:
        found.append(made)
    blocks = [block for made in found for block in made or ()]
    assert [block.index for block in blocks if block.song == 0] == [0, 1]
    for number in (1, 2):
        expected = alone(model, tasks[number])
        mine = [block for block in blocks if block.song == number]
        assert [block.index for block in mine] == [block.index for block in expected]
        for block, wanted in zip(mine, expected, strict=True):
            assert torch.equal(block.tokens, wanted.tokens)
            torch.testing.assert_close(block.latents, wanted.latents, atol=1e-4, rtol=1e-4)
    whole = generation.release(1)
    assert whole.frames == 16 and whole.ending == "length"
    assert torch.equal(whole.tokens, torch.cat([block.tokens for block in alone(model, tasks[1])]))
    assert list(generation.blocks()) == []


def test_a_song_that_is_taken_out_before_its_first_block_is_no_fault(tiny_model: Callable[..., SongModel]) -> None:
    model = tiny_model(end_bias=-1e4)
    generation = Generation(model.steps(), [task(model, 0, 1), task(model, 1, 1)], SAMPLING)
    assert generation.release(0).frames == 0
    assert [block.song for block in generation.blocks()] == [1]
