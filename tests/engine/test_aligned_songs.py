"""The embedded kind of model, whose guide has a memory, in the engine: batched and resumed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from songbloom_x2.config import (
    AlignmentConfig,
    LyricsConfig,
    PromptConfig,
    SamplingConfig,
    SketchLayout,
    SongConfig,
    TwoStemConfig,
)
from songbloom_x2.engine import Generation, SongTask
from songbloom_x2.song_model import SongModel
from songbloom_x2.types import Style

LAYOUT = SketchLayout(("AA", "B", "IY", "M"), lowest_pitch=50, pitches=6)
CODEC = TwoStemConfig(voice_components=4, band_components=4)
SAMPLING = SamplingConfig(cfg_lm=1.0, cfg_diff=1.5, steps=2, diff_temperature=1.0)
LYRICS = ((1, 3, 4, 5, 2, 3, 6, 2), (1, 4, 3), (1, 5, 6, 3, 4, 2))


@pytest.fixture(scope="module")
def model() -> SongModel:
    config = SongConfig(
        name="tiny",
        lyrics=LyricsConfig(("", "[verse]", ".", "AA", "B", "IY", "M"), max_len=20, pad=False),
        prompt=PromptConfig(max_len=4),
        codec=CODEC,
        sampling=SAMPLING,
        alignment=AlignmentConfig(LAYOUT, prior_dim=16, prior_layers=1),
        latent_dim=CODEC.latent_dim,
        dim=32,
        num_heads=2,
        hidden_scale=2,
        lm_layers=2,
        diff_layers=2,
        diff_dim=48,
        diff_heads=3,
        num_pitch=LAYOUT.size,
        sketch_fusion="add",
        timestep_features_dim=8,
        max_frames=48,
        init_std=0.1,
    )
    torch.manual_seed(0)
    return SongModel(config, codec=None).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tasks(model: SongModel) -> list[SongTask]:
    generator = torch.Generator().manual_seed(1)
    styles = [
        Style("noise", torch.randn(CODEC.latent_dim, length, generator=generator), tempo=tempo, key=key)
        for length, tempo, key in ((4, 90.0, 3), (9, None, None), (4, 140.0, 20))
    ]
    return [
        SongTask(model.condition(ids, style), seed, min_frames=32)
        for seed, (ids, style) in enumerate(zip(LYRICS, styles, strict=True))
    ]


def test_in_a_batch_as_alone(model: SongModel, tasks: list[SongTask]) -> None:
    together = Generation(model.steps(), tasks, SAMPLING)
    list(together.blocks())
    for task, song in zip(tasks, together.state.songs, strict=True):
        alone = Generation(model.steps(), [task], SAMPLING)
        list(alone.blocks())
        assert torch.equal(song.tokens, alone.state.songs[0].tokens)
        torch.testing.assert_close(song.latents, alone.state.songs[0].latents, atol=1e-4, rtol=0)
        assert song.trail["pointer"].shape == (song.frames + 1,)


def test_resumed_as_uninterrupted(model: SongModel, tasks: list[SongTask]) -> None:
    whole = Generation(model.steps(), tasks, SAMPLING)
    states = [whole.state for block in whole.blocks() if block.song == 0]
    assert len(states) >= 2
    for state in states:
        resumed = Generation(
            model.steps(), [replace(task, state=song) for task, song in zip(tasks, state.songs, strict=True)], SAMPLING
        )
        list(resumed.blocks())
        for found, expected in zip(resumed.state.songs, whole.state.songs, strict=True):
            assert torch.equal(found.tokens, expected.tokens)
            torch.testing.assert_close(found.latents, expected.latents, atol=1e-5, rtol=0)
            for name in expected.trail:
                assert torch.equal(found.trail[name], expected.trail[name])


def test_the_voice_sings_the_pitches_of_the_sketch(model: SongModel, tasks: list[SongTask]) -> None:
    generation = Generation(model.steps(), tasks[:1], SAMPLING)
    list(generation.blocks())
    pitch = generation.state.songs[0].latents[CODEC.voice_dim - CODEC.sub_frames : CODEC.voice_dim] * 2 + 60
    # What the untrained renderer draws would lie anywhere; the layout's six pitches lie from 50 to 55.
    assert float(pitch.min()) >= 50 - 1e-4
    assert float(pitch.max()) <= 55 + 1e-4


def test_a_song_that_ends_by_itself_has_sung_every_word(model: SongModel, tasks: list[SongTask]) -> None:
    eager = [replace(task, seed=seed, max_frames=2000) for seed in range(4) for task in tasks]
    generation = Generation(model.steps(), eager, SAMPLING)
    list(generation.blocks())
    for task, song in zip(eager, generation.state.songs, strict=True):
        assert song.ending == "end"
        wanted = sum(symbol >= 3 for symbol in task.condition.lyrics)
        assert int(song.trail["pointer"][-1]) == wanted
