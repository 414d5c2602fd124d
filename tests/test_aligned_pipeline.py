"""The door with a model of the embedded kind: its styles, what its tokens say, instrumentals and presets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.config import PRESETS, RuntimeConfig
from songbloom_x2.errors import CheckpointError, ConfigError, LyricsError, StyleError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import Song, SongRequest, Waveform

LYRICS = "[Verse]\nCity lights are calling me home\nDreams pass fast\n\n[Chorus]\nHold on"
WORDS = ["City", "lights", "are", "calling", "me", "home", "Dreams", "pass", "fast", "Hold", "on"]


@pytest.fixture(scope="module")
def pipeline(aligned_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(aligned_model, RuntimeConfig(device="cpu", batch_size=2))


@pytest.fixture(scope="module")
def song(pipeline: SongPipeline) -> Song:
    return pipeline.generate(SongRequest(LYRICS, style="rock", seed=1, duration=24.0))[0]


def test_styles_have_their_tags(pipeline: SongPipeline) -> None:
    assert {style.name: style.tags for style in pipeline.named_styles} == {
        "country-kit": ("country", "kit", "female", "slow", "C major"),
        "rock-glen": ("rock", "glen", "male", "fast", "A minor"),
        "soul-edie": ("soul", "edie", "female", "medium", "C sharp minor"),
    }


def test_tags_are_part_of_the_format(pipeline: SongPipeline, aligned_model: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((aligned_model / name).read_bytes())
    assert native.load(tmp_path).style_tags["rock-glen"] == ("rock", "glen", "male")
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"female"', "7"))
    with pytest.raises(CheckpointError, match="style_tags"):
        native.load(tmp_path)


def test_a_style_by_words(pipeline: SongPipeline) -> None:
    assert pipeline.encode_style("female soul").name == "soul-edie"
    with pytest.raises(StyleError, match="audio file only"):
        pipeline.encode_style("soul", 1.0)


def test_the_seed_turns_to_a_style_alone_and_among_others(pipeline: SongPipeline) -> None:
    request = SongRequest(LYRICS, seed=4, duration=0.64)
    together = pipeline.generate(request, n=3)
    assert [made.manifest["style"]["name"] for made in together] == ["rock-glen", "soul-edie", "country-kit"]
    alone = pipeline.generate(SongRequest(LYRICS, seed=5, duration=0.64))[0]
    assert np.array_equal(alone.tokens, together[1].tokens)
    assert [made.manifest["batch"] for made in together] == [
        {"size": 2, "index": 0, "takes": True},
        {"size": 2, "index": 1, "takes": True},
        {"size": 1, "index": 0, "takes": True},
    ]


def test_a_style_sounds(pipeline: SongPipeline) -> None:
    sound = pipeline.decode_style(pipeline.named_styles[0])
    assert sound.samples.shape == (2, 50 * 1920) and sound.samples.dtype == np.float32
    assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() > 0


def test_a_sound_has_tempo_and_key_from_the_whole_of_it(pipeline: SongPipeline) -> None:
    rate = 22050
    time = np.arange(12 * rate) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 261.63, 329.63))
    beat = np.exp(-(time % 0.5) / 0.05)
    # The loudest two seconds have no beat at all.
    level = np.where((time > 7) & (time < 9.2), 1.0, 0.2 * beat)
    style = pipeline.encode_style(Waveform((0.2 * level * chord)[None].astype(np.float32), rate))
    assert style.source is not None and 6.9 <= style.source.start <= 7.3
    assert style.latents.shape[1] == 50
    assert style.tempo == pytest.approx(120, abs=2) and style.key == 19
    assert style.tags == ("fast" if style.tempo >= 120 else "medium", "A minor")
    assert style.notes[0] == "resampled from 22050 to 48000 Hz" and "s of 12.0 s taken" in style.notes[1]
    later = pipeline.encode_style(Waveform((0.2 * level * chord)[None].astype(np.float32), rate), 3.0)
    assert later.source is not None and later.source.start == 3.0
    assert not torch.equal(later.latents, style.latents)


def test_every_word_has_its_time(song: Song) -> None:
    assert song.score is not None and song.score.tempo == 140.0
    words = song.score.words
    assert [word.text for word in words] == WORDS[: len(words)] and len(words) > 6
    assert [word.line for word in words] == [2, 2, 2, 2, 2, 2, 3, 3, 3, 6, 6][: len(words)]
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges) and all(word.start < word.end for word in words)
    assert edges[0] >= 0 and edges[-1] <= song.tokens.size / 25


def test_words_are_where_their_phonemes_are(song: Song, pipeline: SongPipeline) -> None:
    assert song.score is not None
    layout = pipeline.config.alignment.layout  # type: ignore[union-attr]  # an aligned model has one
    for text, phonemes in (("City", ["S", "IH", "T", "IY"]), ("home", ["HH", "OW", "M"])):
        word = next(word for word in song.score.words if word.text == text)
        tokens = song.tokens[round(word.start * 25) : round(word.end * 25)]
        sung = [layout.phonemes[token // layout.pitches] for token in tokens if token < layout.sung]
        assert list(dict.fromkeys(sung)) == phonemes


def test_notes_are_the_pitches_of_the_tokens(song: Song, pipeline: SongPipeline) -> None:
    assert song.score is not None
    layout = pipeline.config.alignment.layout  # type: ignore[union-attr]  # an aligned model has one
    heard = np.full(song.tokens.shape, -1)
    for note in song.score.notes:
        heard[round(note.start * 25) : round(note.end * 25)] = note.pitch
    sung = song.tokens < layout.sung
    assert np.array_equal(heard[sung], song.tokens[sung] % layout.pitches + layout.lowest_pitch)
    assert (heard[~sung] == -1).all()


def test_a_model_without_meaning_has_no_score(endless_model: Path) -> None:
    pipeline = SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))
    assert pipeline.generate(SongRequest(LYRICS, duration=0.32))[0].score is None


def test_an_instrumental_is_as_long_as_asked(pipeline: SongPipeline) -> None:
    made = pipeline.generate(SongRequest("", seed=2, duration=5.2, instrumental=True))[0]
    assert made.manifest["result"]["frames"] == 8 * 16 and made.manifest["result"]["ending"] == "length"
    assert set(made.manifest["lyrics"]["symbols"].split()) == {"[inst]"}
    layout = pipeline.config.alignment.layout  # type: ignore[union-attr]  # an aligned model has one
    assert (made.tokens >= layout.sung).all()
    assert made.score is not None and made.score.words == () and made.score.notes == ()
    assert made.manifest["request"]["instrumental"] is True


def test_an_instrumental_of_half_a_minute_if_nobody_says(pipeline: SongPipeline) -> None:
    prepared = pipeline.prepare(SongRequest("", instrumental=True))[0]
    assert prepared.lyrics.text.count("[") == 15
    assert (prepared.task().min_frames, prepared.task().max_frames) == (47 * 16, 47 * 16)


def test_an_instrumental_with_words_is_refused(pipeline: SongPipeline) -> None:
    with pytest.raises(LyricsError, match="no lyrics"):
        pipeline.generate(SongRequest(LYRICS, instrumental=True))


def test_an_instrumental_of_a_released_model(endless_model: Path) -> None:
    pipeline = SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))
    made = pipeline.prepare(SongRequest("", duration=6.0, instrumental=True))[0]
    assert made.lyrics.text == "[intro] , [inst] [inst] [inst] [inst] , [outro]"


@pytest.mark.parametrize("preset", ["draft", "balanced", "best"])
def test_presets_change_the_models_own_sampling(pipeline: SongPipeline, endless_model: Path, preset: str) -> None:
    other = SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))
    for made, kind in ((pipeline, "embedded"), (other, "released")):
        prepared = made.prepare(SongRequest(LYRICS, preset=preset))[0]  # type: ignore[arg-type]  # one of the words
        wanted = PRESETS[kind][preset].get("steps", made.config.sampling.steps)  # type: ignore[index]  # as above
        assert prepared.sampling.steps == wanted
        mine = made.prepare(SongRequest(LYRICS, preset=preset, sampling={"steps": 3}))[0]  # type: ignore[arg-type]
        assert mine.sampling.steps == 3


def test_a_preset_that_is_none(pipeline: SongPipeline) -> None:
    with pytest.raises(ConfigError, match="draft, fast, balanced, best"):
        pipeline.prepare(SongRequest(LYRICS, preset="worst"))  # type: ignore[arg-type]  # what a caller could pass


@pytest.mark.parametrize("start", [-1.0, float("nan")])
def test_a_start_that_is_none(pipeline: SongPipeline, start: float) -> None:
    with pytest.raises(ConfigError, match="style start"):
        pipeline.prepare(SongRequest(LYRICS, style_start=start))
