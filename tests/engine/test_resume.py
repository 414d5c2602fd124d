"""Generation states: stored, gone on from, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors import torch as safetensors
from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import Generation, GenerationState, SongState, SongTask
from songbloom_x2.errors import CheckpointError, ConfigError
from songbloom_x2.sketch.sampling import draw_tokens
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition, Steps
from songbloom_x2.types import Style

Models = Callable[..., SongModel]
SAMPLING = SamplingConfig(steps=3, temperature=1.0, top_k=5, diff_temperature=0.6, penalty_window=6)


def conditions(model: SongModel) -> list[SongCondition]:
    generator = torch.Generator().manual_seed(3)
    styles = [Style("noise", torch.randn(3, length, generator=generator)) for length in (6, 2)]
    return [model.condition(ids, style) for ids, style in zip(((1, 5, 6), (2, 8)), styles, strict=True)]


class CountingGuide:
    """A guide with a memory: adds a row that depends on the last token and the number of frames."""

    uniforms = 2
    recorded = ("last", "frames")

    def __init__(self, model: SongModel, songs: int) -> None:
        self.model, self.songs = model, songs

    def start(self, tokens: Sequence[Tensor] = (), stored: Sequence[Mapping[str, Tensor]] = ()) -> Mapping[str, Tensor]:
        state = {"last": torch.zeros(self.songs).long(), "frames": torch.zeros(self.songs).long()}
        for song, kept in enumerate(stored):
            for name in kept:
                state[name][song] = kept[name]
        return state

    def rows(self, state: Mapping[str, Tensor]) -> Tensor:
        turned: Tensor = self.model.sketch.embedding(state["last"]).flip(-1)
        return turned * torch.cos(state["frames"].float())[..., None]

    def choose(
        self, hidden: Tensor, state: Mapping[str, Tensor], uniforms: Tensor, may_end: Tensor
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        logits = self.model.sketch.logits(hidden[: self.songs])
        tokens = draw_tokens(logits[:, :-1], uniforms[:, 1], SAMPLING)
        return tokens, {"last": tokens, "frames": state["frames"] + 1}

    def keep(self, songs: Tensor) -> CountingGuide:
        return CountingGuide(self.model, len(songs))


def plain_steps(model: SongModel) -> Steps:
    return model.steps()


def counting_steps(model: SongModel) -> Steps:
    return replace(model.steps(), guide=lambda songs, sampling: CountingGuide(model, len(songs)))


@pytest.mark.parametrize("steps_of", [plain_steps, counting_steps])
@pytest.mark.parametrize("guidance", ["h", "global"])
def test_resuming_after_any_block_changes_nothing(steps_of: Any, guidance: Any, tiny_model: Models) -> None:
    model = tiny_model(end_bias=-1e4)
    steps, sampling = steps_of(model), replace(SAMPLING, dit_guidance=guidance)
    tasks = [SongTask(c, seed, max_frames=20 - 4 * seed) for seed, c in enumerate(conditions(model))]
    whole = Generation(steps, tasks, sampling)
    states = [whole.state for block in whole.blocks() if block.song == 0]
    for state in (GenerationState(tuple(SongState(s.tokens[:0], s.latents[:, :0]) for s in states[0].songs)), *states):
        kept = GenerationState.from_tensors(safetensors.load(safetensors.save(state.to_tensors())))
        resumed = Generation(
            steps, [replace(task, state=song) for task, song in zip(tasks, kept.songs, strict=True)], sampling
        )
        indices = [(block.song, block.index) for block in resumed.blocks()]
        assert indices[:1] == [(0, state.songs[0].frames // 4)][: len(indices)]
        for found, expected in zip(resumed.state.songs, whole.state.songs, strict=True):
            assert torch.equal(found.tokens, expected.tokens)
            torch.testing.assert_close(found.latents, expected.latents, atol=1e-5, rtol=0)
            assert found.trail.keys() == expected.trail.keys()
            assert all(torch.equal(found.trail[name], expected.trail[name]) for name in found.trail)


def test_songs_from_different_places_share_a_batch(tiny_model: Models) -> None:
    model = tiny_model(end_bias=-1e4)
    steps = model.steps()
    first, second = (SongTask(c, seed) for seed, c in enumerate(conditions(model)))
    alone = [Generation(steps, [task], SAMPLING) for task in (first, second)]
    early = None
    for generation in alone:
        for block in generation.blocks():
            if block.index == 2 and generation is alone[0]:
                early = generation.state.songs[0]
    together = Generation(steps, [replace(first, state=early), second], SAMPLING)
    list(together.blocks())
    for found, generation in zip(together.state.songs, alone, strict=True):
        assert torch.equal(found.tokens, generation.state.songs[0].tokens)
        torch.testing.assert_close(found.latents, generation.state.songs[0].latents, atol=1e-4, rtol=0)


def test_cancelled_between_blocks_a_song_can_go_on(tiny_model: Models) -> None:
    model = tiny_model(end_bias=-1e4)
    task = SongTask(conditions(model)[0], 3)
    whole = Generation(model.steps(), [task], SAMPLING)
    list(whole.blocks())
    stopped = Generation(model.steps(), [task], SAMPLING)
    blocks = stopped.blocks()
    next(blocks)
    next(blocks)
    blocks.close()
    (state,) = stopped.state.songs
    assert (state.frames, state.ending) == (8, "")
    resumed = Generation(model.steps(), [replace(task, state=state)], SAMPLING)
    list(resumed.blocks())
    assert torch.equal(resumed.state.songs[0].tokens, whole.state.songs[0].tokens)


def test_a_song_that_was_long_enough_can_be_made_longer(tiny_model: Models) -> None:
    model = tiny_model(end_bias=-1e4)
    task = SongTask(conditions(model)[0], 3, max_frames=8)
    short = Generation(model.steps(), [task], SAMPLING)
    list(short.blocks())
    longer = Generation(model.steps(), [replace(task, max_frames=16, state=short.state.songs[0])], SAMPLING)
    assert [block.index for block in longer.blocks()] == [2, 3]
    assert list(Generation(model.steps(), [replace(task, state=longer.state.songs[0])], SAMPLING).blocks()) == []


def test_states_that_do_not_fit_are_refused(tiny_model: Models) -> None:
    model = tiny_model()
    condition = conditions(model)[0]
    for frames, width in ((6, 3), (8, 5)):
        state = SongState(torch.zeros(frames, dtype=torch.int64), torch.zeros(width, frames))
        with pytest.raises(ConfigError, match="not made by this model"):
            Generation(model.steps(), [SongTask(condition, state=state)], SAMPLING)


def test_damaged_states_are_refused() -> None:
    state = GenerationState((SongState(torch.zeros(4, dtype=torch.int64), torch.zeros(3, 4)),))
    good = state.to_tensors()
    for bad, message in (
        ({key: value for key, value in good.items() if key != "0.latents"}, "song 0 lacks latents"),
        (good | {"0.tokens": torch.zeros(5, dtype=torch.int64)}, "do not fit"),
        (good | {"0.ending": torch.tensor(9)}, "do not fit"),
        (good | {"weight": torch.zeros(1)}, "unknown tensor 'weight'"),
    ):
        with pytest.raises(CheckpointError, match=message):
            GenerationState.from_tensors(bad)
