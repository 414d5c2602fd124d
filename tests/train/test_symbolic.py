"""Songs on paper: new at every step, the same for the same step, in the style and voice of the bank."""

from __future__ import annotations

import pytest
import torch

from songbloom_x2.song_model import SongModel
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.embedded import embedded_config
from songbloom_x2.train.parts import fresh_model
from songbloom_x2.train.songs import Songs, TrainingSong
from songbloom_x2.train.symbolic import SymbolicSongs

from .test_aligned import song

CONFIG = embedded_config()


@pytest.fixture(scope="module")
def model() -> SongModel:
    return fresh_model(CONFIG, 1)


@pytest.fixture(scope="module")
def paper(model: SongModel, lyricist: Lyricist) -> SymbolicSongs:
    plain = song(3, 96.0)
    bank = TrainingSong(plain.sketch, plain.latents, plain.clean, plain.mixture, "pop", "hugo")
    assert model.prior is not None
    return SymbolicSongs(Songs([bank], CONFIG), model.prior, lyricist)


def test_a_step_is_the_same_again_and_another_is_another(paper: SymbolicSongs) -> None:
    first, again, other = (paper.sketch_batch(7, step, 2) for step in (4, 4, 5))
    assert first.ids == again.ids
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.latents, again.latents)
    assert first.ids != other.ids


def test_songs_keep_the_range_of_the_banks_voice(paper: SymbolicSongs) -> None:
    batch = paper.sketch_batch(7, 0, 3)
    layout = paper.bank.alignment.layout
    sung = batch.tokens[batch.tokens < layout.sung] % layout.pitches + layout.lowest_pitch
    assert len(sung) > 100
    assert int(sung.min()) >= 45 and int(sung.max()) <= 60  # hugo's notes


def test_latents_are_what_the_renderer_is_told_lagging_by_the_lead(paper: SymbolicSongs, model: SongModel) -> None:
    batch = paper.sketch_batch(7, 1, 1)
    lead = paper.bank.alignment.lead
    latents = batch.latents[0, : int(batch.frames[0])].float()
    assert torch.allclose(latents[0], latents[lead])
    assert not torch.allclose(latents[lead], latents[lead + 1])
    assert latents.isfinite().all()
