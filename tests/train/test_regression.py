"""The renderer's regression by itself, on songs with bands and on voices alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from songbloom_x2.cli.main import main
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import TwoStemConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus.generate import CorpusConfig, generate
from songbloom_x2.train.corpus.song import Studio
from songbloom_x2.train.embedded import embedded_config
from songbloom_x2.train.objectives import RegressionObjective
from songbloom_x2.train.parts import freeze_regression, fresh_model
from songbloom_x2.train.prepare import load_songs, prepare_song
from songbloom_x2.train.songs import Songs, TrainingSong

from .test_aligned import song

CONFIG = embedded_config()
VOICE = CONFIG.codec.voice_dim if CONFIG.codec.kind == "two_stem" else 0


def alone(seed: int, tempo: float) -> TrainingSong:
    whole = song(seed, tempo)
    latents = whole.latents.clone()
    latents[:, VOICE:] = torch.nan
    return dataclasses.replace(whole, latents=latents, clean=latents, mixture=latents[:0])


def test_a_voice_alone_is_prepared_without_a_band(studio: Studio) -> None:
    assert isinstance(CONFIG.codec, TwoStemConfig)
    codec = TwoStemCodec(CONFIG.codec)
    codec.voice_whitening.scale.fill_(1.0)
    prepared = prepare_song(studio.sing(7), codec.eval(), CONFIG)
    assert prepared is not None
    assert not prepared.accompanied
    assert prepared.clean[:, :VOICE].isfinite().all()
    assert prepared.clean[:, VOICE:].isnan().all()


def test_its_prompts_borrow_a_band() -> None:
    songs = Songs([song(1, 100), alone(2, 100)], CONFIG)
    rng = np.random.default_rng(0)
    bare = next(one for one in songs.songs if not one.accompanied)
    prompts = [songs._prompt(bare, rng) for _ in range(30)]
    assert all(prompt.isfinite().all() for prompt in prompts)
    assert any(len(prompt) for prompt in prompts)


def test_an_unknown_band_teaches_nothing() -> None:
    model = fresh_model(CONFIG, 1)
    assert model.prior is not None
    known = Songs([song(1, 100)], CONFIG)
    songs = Songs([song(1, 100), alone(2, 100)], CONFIG)
    songs._weight = np.array([float(not one.accompanied) for one in songs.songs])
    objective = RegressionObjective(model, songs, known, torch.ones(CONFIG.latent_dim), 4, 0, False)
    loss, figures = objective.loss(0, torch.Generator())
    (learned,) = torch.autograd.grad(loss, [model.prior.mean.weight])
    assert loss.isfinite() and figures["voice"] > 0 and figures["band"] == 0
    assert learned[:VOICE].abs().max() > 0
    assert learned[VOICE:].abs().max() == 0


def test_both_stems_count_by_their_width() -> None:
    model = fresh_model(CONFIG, 1)
    songs = Songs([song(1, 100), song(2, 110)], CONFIG)
    objective = RegressionObjective(model, songs, songs, torch.ones(CONFIG.latent_dim), 4, 0, False)
    assert model.prior is not None
    batch = songs.render_batch(0, 5, 4)
    expected = (model.prior(batch.window, batch.statistics, CONFIG.block_size)[0] - batch.latents).abs().mean()
    loss = objective.loss(5, torch.Generator())[0]
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_a_frozen_regression_still_hands_its_means_to_the_dit() -> None:
    model = fresh_model(CONFIG, 1)
    freeze_regression(model)
    assert model.prior is not None
    free = {name.split(".")[0] for name, tensor in model.prior.named_parameters() if tensor.requires_grad}
    assert free == {"rows", "mean_rows", "style_row"}


@pytest.mark.parametrize("option", ["--regression", "--voices"])
def test_options_of_other_parts_are_refused(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--corpus", "c", "--held-out", "h", "--whitening", "w", "--out", str(tmp_path)]
    assert main(["train", "model", "--part", "sketch", *words, option, "x"]) == 2
    assert option in capsys.readouterr().err


def test_a_corpus_to_train_on_has_bands(tmp_path: Path, cache: Path) -> None:
    assert isinstance(CONFIG.codec, TwoStemConfig)
    generate(tmp_path, CorpusConfig(1, seed=3, voices_only=True), cache=cache, soundfonts=[], report=lambda _: None)
    with pytest.raises(ConfigError, match="1 of its songs have no band"):
        load_songs(tmp_path, tmp_path / "prepared", TwoStemCodec(CONFIG.codec).eval(), CONFIG)


@pytest.mark.parametrize("more", [["--wav", "2"], ["--stems", "1"], ["--soundfont", "x.sf2"]])
def test_voices_alone_have_no_band_to_ask_about(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "corpus", "--out", str(tmp_path / "c"), "--songs", "1", "--voices-only", *more]) == 2
    assert more[0] in capsys.readouterr().err
