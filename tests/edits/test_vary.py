"""Each knob of a variation changes what it says and nothing else; interpolation; best of several; tempo and key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.audio.files import read_audio
from songbloom_x2.editing.memory import opened, read_memory
from songbloom_x2.errors import ConfigError, StyleError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import FloatArray, InterpolateRequest, Song, SongRequest, VariationRequest

LYRICS = "[verse] City lights are calling me home."


def varied(pipeline: SongPipeline, song: Path, **changes: object) -> Song:
    return pipeline.vary(VariationRequest(str(song), **changes)).whole()  # type: ignore[arg-type]  # as named


@pytest.fixture(scope="module")
def same(aligned: SongPipeline, aligned_song: Path) -> Song:
    return varied(aligned, aligned_song)


def test_nothing_changed_is_the_same_song(same: Song, aligned_song: Path) -> None:
    state = opened(read_memory(aligned_song.with_suffix(".state.safetensors"))).state
    assert np.array_equal(same.tokens, state.tokens) and np.array_equal(same.latents, state.latents)
    assert same.manifest["edit"]["kind"] == "variation"


def test_another_seed(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    other = varied(aligned, aligned_song, seed=99)
    assert not np.array_equal(other.tokens, same.tokens)
    assert changed(other, same) == {"seed"}


def test_guidance_leaves_the_first_sketch(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    other = varied(aligned, aligned_song, guidance=3.0)
    assert np.array_equal(other.tokens[:16], same.tokens[:16])
    assert not np.array_equal(other.latents[:, :16], same.latents[:, :16])
    assert other.manifest["sampling"] == {**same.manifest["sampling"], "cfg_diff": 3.0}
    assert changed(other, same) == {"sampling"}


def test_temperature(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    other = varied(aligned, aligned_song, temperature=0.0)
    assert not np.array_equal(other.tokens, same.tokens)
    assert other.manifest["sampling"] == {**same.manifest["sampling"], "temperature": 0.0}
    assert changed(other, same) == {"sampling"}


@pytest.mark.long
def test_style_strength(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    whole = varied(aligned, aligned_song, style_strength=1.0)
    assert np.array_equal(whole.tokens, same.tokens)
    assert np.abs(whole.latents - same.latents).max() < 1e-3
    less = varied(aligned, aligned_song, style_strength=0.3)
    assert not np.array_equal(less.latents, same.latents)
    assert less.manifest["style"]["tempo"] == same.manifest["style"]["tempo"] and changed(less, same) == set()


def test_the_sketch_is_sung_again(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    other = varied(aligned, aligned_song, keep_sketch=True, seed=5)
    assert np.array_equal(other.tokens, same.tokens)
    assert not np.array_equal(other.latents, same.latents)
    assert other.score is not None and same.score is not None and other.score.notes == same.score.notes


def test_a_free_sketch_is_sung_again(endless: SongPipeline, endless_song: Path) -> None:
    state = opened(read_memory(endless_song.with_suffix(".state.safetensors"))).state
    other = varied(endless, endless_song, keep_sketch=True, seed=5)
    assert np.array_equal(other.tokens, state.tokens) and not np.array_equal(other.latents, state.latents)


def test_the_first_blocks_stay(aligned: SongPipeline, aligned_song: Path, same: Song) -> None:
    other = varied(aligned, aligned_song, keep_blocks=5, seed=5)
    assert np.array_equal(other.tokens[:80], same.tokens[:80])
    assert np.array_equal(other.latents[:, :80], same.latents[:, :80])
    assert not np.array_equal(other.tokens[80:], same.tokens[80:])
    assert other.tokens.shape == same.tokens.shape
    old = read_audio(aligned_song).samples
    assert np.array_equal(other.waveform.samples[:, :96000], old[:, :96000])


@pytest.mark.parametrize(
    "changes",
    [
        {"keep_blocks": 99},
        {"keep_blocks": -1},
        {"keep_blocks": 2, "keep_sketch": True},
        {"temperature": -1.0},
        {"guidance": float("nan")},
        {"style_strength": 3.0},
        {"style_strength": float("nan")},
        {"seed": -1},
    ],
)
def test_what_cannot_be_varied(aligned: SongPipeline, aligned_song: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        varied(aligned, aligned_song, **changes)


@pytest.mark.parametrize("spherical", [False, True])
def test_steps_between_two_styles(aligned: SongPipeline, spherical: bool) -> None:
    request = InterpolateRequest(SongRequest(LYRICS, seed=3, duration=1.3), "rock-glen", "soul-edie", 3, spherical)
    songs = dict(aligned.interpolate(request))
    assert sorted(songs) == [0, 1, 2]
    for number, style in ((0, "rock-glen"), (2, "soul-edie")):
        alone = aligned.generate(dataclasses.replace(request.song, style=style))[0]
        assert np.array_equal(alone.tokens, songs[number].tokens)
    middle = songs[1].manifest
    assert [part["weight"] for part in middle["style"]["parts"]] == [0.5, 0.5]
    assert middle["style"]["spherical"] is spherical and middle["seed"] == 3
    tempos = [songs[number].manifest["style"]["tempo"] for number in range(3)]
    assert tempos == sorted(tempos, reverse=True)
    with pytest.raises(ConfigError, match="steps 1"):
        aligned.interpolate(dataclasses.replace(request, steps=1))


def test_the_best_of_several(aligned: SongPipeline) -> None:
    request = SongRequest(LYRICS, style="rock-glen", seed=3, duration=2.0)
    best = aligned.best_of(request, 3)
    told = best.manifest["best_of"]
    assert [take["seed"] for take in told["of"]] == [3, 4, 5]
    scores = [take["score"] for take in told["of"]]
    assert told["taken"] == scores.index(max(scores)) and best.manifest["seed"] == 3 + told["taken"]
    for take in told["of"]:
        assert take["words"] is None and take["heard"] is None
        assert take["score"] == pytest.approx(_weighted(told["weights"], take), abs=1e-3)
        assert take["likelihood"] < 0 and 0 <= take["repetition"] <= 1 and 0 <= take["silence"] <= 1
    with pytest.raises(ConfigError, match="best of 1"):
        aligned.best_of(request, 1)


def _weighted(weights: dict[str, float], take: dict[str, float | None]) -> float:
    return sum(weight * (take[name] or 0.0) for name, weight in weights.items())


def test_words_that_are_heard_count(aligned: SongPipeline) -> None:
    texts = ["rain", "City lights are calling me home", "City"]
    asked: list[tuple[int, str]] = []

    def hears(samples: FloatArray, language: str = "en") -> str:
        asked.append((samples.ndim, language))
        return texts[len(asked) - 1]

    best = aligned.best_of(SongRequest(LYRICS, style="rock-glen", seed=3, duration=2.0), 3, hears=hears)
    told = best.manifest["best_of"]
    assert asked == [(1, "en")] * 3 and [take["heard"] for take in told["of"]] == texts
    errors = [take["words"] for take in told["of"]]
    assert errors[1] == 0 and errors[0] > errors[2] > 0
    assert [take["score"] for take in told["of"]] == pytest.approx(
        [_weighted(told["weights"], take) for take in told["of"]], abs=1e-3
    )
    band = SongRequest("", style="rock-glen", seed=3, duration=2.0, instrumental=True)
    assert aligned.best_of(band, 2, hears=hears).manifest["best_of"]["of"][0]["words"] is None and len(asked) == 3


def test_tempo_and_key_as_asked(aligned: SongPipeline, endless: SongPipeline) -> None:
    request = SongRequest(LYRICS, style="rock-glen", seed=3, duration=1.3, bpm=90.0, key="Eb major")
    song = aligned.generate(request)[0]
    assert song.manifest["style"]["tempo"] == 90.0 and song.manifest["style"]["key"] == 6
    assert song.score is not None and song.score.tempo == 90.0
    music = song.manifest["music"]
    assert music["tempo"]["told"] == 90.0 and music["key"]["told"] == "E flat major"
    assert set(music["key"]) == set(music["tempo"]) == {"told", "heard"}
    plain = aligned.generate(dataclasses.replace(request, bpm=None, key=None))[0]
    assert not np.array_equal(plain.tokens, song.tokens)
    for asked in ({"bpm": 20.0}, {"bpm": float("nan")}, {"bpm": 300.0}):
        with pytest.raises(ConfigError, match="bpm"):
            aligned.generate(dataclasses.replace(request, **asked))
    with pytest.raises(StyleError, match="write it like"):
        aligned.generate(dataclasses.replace(request, key="H moll"))
    with pytest.raises(ConfigError, match="cannot be told"):
        endless.generate(SongRequest(LYRICS, duration=1.0, bpm=100.0))


@pytest.mark.parametrize(
    ("text", "key"),
    [("A minor", 19), ("c", 0), ("F#m", 13), ("Bb", 20), ("E flat major", 6), ("C sharp minor", 3), ("Gmaj", 14)],
)
def test_keys_as_people_write_them(text: str, key: int) -> None:
    from songbloom_x2.style_words import parse_key

    assert parse_key(text) == key


def changed(other: Song, same: Song) -> set[str]:
    """Which entries of the request differ."""
    one, two = other.manifest["request"], same.manifest["request"]
    return {name for name in one if one[name] != two[name]}
