"""The door: whole songs, streamed songs, batches, styles and manifests, on tiny models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import CheckpointError, ConfigError, LyricsError, StyleError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.style_prompts import named_styles
from songbloom_x2.types import FloatArray, PreparedLyrics, Progress, SongRequest, Style, Waveform

REQUEST = SongRequest("[verse] City lights are calling me home.", seed=3, duration=1.6)
BLOCK = 8
FRAME = 1920


def chord(channels: int, rate: int, seconds: float) -> FloatArray:
    """Three tones that swell, a little different in every channel."""
    time = np.arange(int(seconds * rate)) / rate
    tones = [np.sin(2 * np.pi * pitch * time) * (1 + 0.3 * np.sin(time)) for pitch in (220, 277, 330)]
    level = np.linspace(0.5, 1, channels)[:, None]
    return (0.1 * level * np.sum(tones, axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def pipeline(endless_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu", batch_size=3))


def test_a_song_is_as_long_as_asked_in_whole_blocks(pipeline: SongPipeline) -> None:
    (song,) = pipeline.generate(REQUEST)
    assert song.tokens.shape == (5 * BLOCK,) and song.tokens.dtype == np.int64
    assert song.latents.shape == (8, 5 * BLOCK) and song.latents.dtype == np.float32
    assert song.waveform.samples.shape == (2, 5 * BLOCK * FRAME)
    assert song.waveform.sample_rate == 48000
    assert json.loads(json.dumps(song.manifest, allow_nan=False)) == song.manifest


def test_the_sound_is_the_decoded_latents(pipeline: SongPipeline) -> None:
    (song,) = pipeline.generate(REQUEST)
    whole = pipeline._workshop.decode(torch.from_numpy(song.latents))
    # Its last quarter (two seconds of a longer song) dies away.
    start = whole.shape[1] * 3 // 4
    assert np.abs(whole - song.waveform.samples)[:, :start].max() < 1e-4
    fade = 0.5 + 0.5 * np.cos(np.pi * np.arange(whole.shape[1] - start) / (whole.shape[1] - start))
    assert np.abs(whole[:, start:] * fade - song.waveform.samples[:, start:]).max() < 1e-4


def test_the_stream_joined_is_the_song(pipeline: SongPipeline) -> None:
    (song,) = pipeline.generate(REQUEST)
    told = list(pipeline.stream(REQUEST))
    joined = np.concatenate([sound for _, sound in told], axis=1)
    assert np.abs(joined - song.waveform.samples).max() < 1e-4
    assert [progress.block for progress, _ in told] == [1, 2, 3, 4, 5, 5]
    assert told[-1][0].blocks_expected == 5
    assert told[-1][0].seconds_made == pytest.approx(5 * BLOCK / 25)
    spent = [progress.seconds_spent for progress, _ in told]
    assert spent == sorted(spent)
    # Sound is there before the song is.
    assert any(sound.shape[1] for _, sound in told[:3])


def test_a_stream_can_be_closed(pipeline: SongPipeline) -> None:
    stream = pipeline.stream(REQUEST)
    assert isinstance(stream, Iterator)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(pipeline.generate(REQUEST)) == 1


def test_a_song_does_not_depend_on_its_neighbours(pipeline: SongPipeline) -> None:
    longer = SongRequest("[chorus] Dreams pass fast. [verse] And slow.", seed=9, duration=2.5)
    together = pipeline.generate([REQUEST, longer], n=2)
    alone = [pipeline.generate(request)[0] for request in (REQUEST, longer)]
    for batched, single in ((together[0], alone[0]), (together[2], alone[1])):
        assert np.array_equal(batched.tokens, single.tokens)
        assert np.abs(batched.latents - single.latents).max() < 1e-4
    # Four songs, three side by side: two batches.
    assert [song.manifest["batch"]["size"] for song in together] == [3, 3, 3, 1]
    assert [song.manifest["seed"] for song in together] == [3, 4, 9, 10]


def test_the_same_request_gives_the_same_samples(pipeline: SongPipeline, endless_model: Path) -> None:
    other = SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))
    first, second = (made.generate(REQUEST)[0] for made in (pipeline, other))
    assert np.array_equal(first.waveform.samples, second.waveform.samples)
    assert first.manifest["result"] == second.manifest["result"]
    assert first.manifest["model"] == second.manifest["model"]
    assert first.manifest["plan"] == second.manifest["plan"]


def test_requests_with_other_sampling_are_not_batched_together(pipeline: SongPipeline) -> None:
    quick = SongRequest(REQUEST.lyrics, seed=3, duration=0.4, sampling={"steps": 2})
    songs = pipeline.generate([quick, SongRequest(REQUEST.lyrics, seed=3, duration=0.4), quick])
    assert [song.manifest["batch"]["size"] for song in songs] == [1, 1, 1]
    assert [song.manifest["sampling"]["steps"] for song in songs] == [2, 10, 2]
    assert np.array_equal(songs[0].latents, songs[2].latents)
    assert not np.array_equal(songs[0].latents, songs[1].latents)


def test_observers_see_lyrics_and_every_block(pipeline: SongPipeline) -> None:
    class Notes:
        seen: list[tuple[str, int]]

        def __init__(self) -> None:
            self.seen = []

        def prepared(self, song: int, lyrics: PreparedLyrics) -> None:
            self.seen.append((lyrics.symbols[0], song))

        def styled(self, song: int, style: Style | None) -> None:
            self.seen.append((str(style), song))

        def progressed(self, song: int, progress: Progress) -> None:
            self.seen.append((f"block {progress.block}", song))

    notes = Notes()
    pipeline.generate(SongRequest(REQUEST.lyrics, duration=0.64), n=2, observer=notes)
    first = [(told, song) for song in (0, 1) for told in ("[verse]", "None")]
    assert notes.seen == [*first, *((f"block {b}", s) for b in (1, 2) for s in (0, 1))]


@pytest.mark.parametrize(("channels", "rate"), [(1, 48000), (2, 44100), (6, 8000)])
def test_any_sound_becomes_a_style(pipeline: SongPipeline, channels: int, rate: int) -> None:
    sound = chord(channels, rate, 5)
    style = pipeline.encode_style(Waveform(sound, rate))
    # The model's prompts are 50 frames of 40 ms at most.
    assert style.latents.shape == (8, 50) and style.latents.dtype == torch.float32
    assert style.tempo is None and style.key is None
    again = pipeline.encode_style(Waveform(sound, rate))
    assert torch.equal(style.latents, again.latents)
    assert pipeline.encode_style(style) is style


def test_a_style_is_the_mean_of_its_channels(pipeline: SongPipeline) -> None:
    sound = chord(1, 48000, 2)
    both = np.concatenate([2 * sound, np.zeros_like(sound)])
    one, two = (pipeline.encode_style(Waveform(samples, 48000)) for samples in (sound, both))
    assert torch.allclose(one.latents, two.latents, atol=1e-5)


@pytest.mark.parametrize("seconds", [0, 0.02, 0.9])
def test_a_style_that_is_too_short(pipeline: SongPipeline, seconds: float) -> None:
    with pytest.raises(StyleError, match="at least 1 s"):
        pipeline.encode_style(Waveform(np.zeros((1, int(seconds * 48000)), np.float32), 48000))


def test_a_style_given_stands_in_for_the_named_one(pipeline: SongPipeline) -> None:
    style = Style("mine", torch.ones(8, 20), tempo=90.0, key=3, tags=("folk",))
    request = SongRequest(REQUEST.lyrics, style="no such style", duration=0.32)
    (song,) = pipeline.generate(request, style=style)
    known = {"name": "mine", "tempo": 90.0, "key": 3, "tags": ["folk"], "frames": 20, "notes": [], "source": None}
    assert song.manifest["style"] == known
    with pytest.raises(StyleError, match="no such style"):
        pipeline.generate(request)


def test_named_styles_come_with_a_model() -> None:
    extra = {
        "style.folk-slow.latents": torch.ones(8, 20),
        "style.folk-slow.tempo": torch.tensor(72.0),
        "style.folk-slow.key": torch.tensor(5),
        "style.rock.latents": torch.zeros(8, 10),
        "statistics": torch.zeros(3),
    }
    styles = named_styles(extra)
    assert list(styles) == ["folk-slow", "rock"]
    assert (styles["folk-slow"].tempo, styles["folk-slow"].key) == (72.0, 5)
    assert styles["rock"].tempo is None and styles["rock"].key is None
    assert styles["folk-slow"].tags == ("folk", "slow", "slow", "D minor") and styles["rock"].tags == ("rock",)
    described = named_styles(extra, {"rock": ("rock", "glen", "male")})
    assert described["rock"].tags == ("rock", "glen", "male")


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SongRequest(""), LyricsError),
        (SongRequest("la", seed=-1), ConfigError),
        (SongRequest("la", seed=True), ConfigError),
        (SongRequest("la", seed=1.5), ConfigError),  # type: ignore[arg-type]  # what a caller could pass
        (SongRequest("la", duration=float("nan")), ConfigError),
        (SongRequest("la", duration=1e9), ConfigError),
        (SongRequest("la", sampling={"steps": 1.5}), ConfigError),
        (SongRequest("la", sampling={"use_sampling": 1}), ConfigError),
        (SongRequest("la", sampling={"temperature": float("inf")}), ConfigError),
        (SongRequest("la", sampling={"nonsense": 1}), ConfigError),
    ],
)
def test_requests_that_cannot_be_served(pipeline: SongPipeline, request_: SongRequest, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        pipeline.generate([REQUEST, request_])
    assert "\n" not in str(refused.value)
    with pytest.raises(error):
        pipeline.stream(request_)


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_how_many(pipeline: SongPipeline, n: int) -> None:
    with pytest.raises(ConfigError):
        pipeline.generate(REQUEST, n)


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        SongPipeline.from_pretrained(tmp_path)
