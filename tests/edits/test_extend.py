"""A song goes on: what is kept is the file's own samples, words and state go on, and what cannot be is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.editing.memory import opened, read_memory
from songbloom_x2.errors import CheckpointError, ConfigError, LyricsError, SongBloomError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_files import save_song
from songbloom_x2.types import ExtendRequest, FloatArray, Song, SongRequest, Waveform

RATE = 48000


def first_difference(one: FloatArray, other: FloatArray) -> int:
    length = min(one.shape[1], other.shape[1])
    different = (one[:, :length] != other[:, :length]).any(axis=0)
    return int(different.argmax()) if different.any() else length


def extended(pipeline: SongPipeline, request: ExtendRequest) -> Song:
    return pipeline.extend(request).whole()


@pytest.mark.parametrize("format", ["flac", "wav"])
def test_the_kept_part_is_the_files(aligned: SongPipeline, aligned_song: Path, tmp_path: Path, format: str) -> None:
    song = extended(aligned, ExtendRequest(str(aligned_song), "[chorus] Morning light", 4.0, seed=7))
    saved = save_song(song, tmp_path / f"longer.{format}", format=format)
    old, new = read_audio(aligned_song), read_audio(saved.audio)
    assert first_difference(old.samples, new.samples) >= old.samples.shape[1] - 2.5 * RATE
    assert 4.0 - 0.64 <= new.seconds - old.seconds <= 4.0
    assert saved.manifest["request"]["title"] == "Lights"


def test_from_a_second_on(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    song = extended(aligned, ExtendRequest(str(aligned_song), "[chorus] Morning light", 3.0, start=4.0, seed=7))
    old = read_audio(aligned_song)
    kept = first_difference(old.samples, song.waveform.samples)
    assert 4.0 - 2.5 <= kept / RATE <= 4.0
    assert 7.0 - 0.64 <= song.waveform.seconds <= 7.0
    tokens = opened(read_memory(aligned_song.with_suffix(".state.safetensors"))).state.tokens
    assert np.array_equal(song.tokens[:96], tokens[:96]) and not np.array_equal(
        song.tokens[96:], tokens[96 : len(song.tokens)]
    )


@pytest.mark.long
def test_words_go_on(aligned: SongPipeline, aligned_song: Path) -> None:
    song = extended(aligned, ExtendRequest(str(aligned_song), "[chorus]\nMorning light\nStay", 30.0, seed=2))
    before = opened(read_memory(aligned_song.with_suffix(".state.safetensors")))
    sung = song.manifest["lyrics"]["symbols"].split()
    new = ["M", "AO", "R", "N", "IH", "NG", "L", "AY", "T", ".", "S", "T", "EY"]
    start = len(sung) - 1 - sung[::-1].index("[chorus]")
    after = start + 1 + len(new)
    assert sung[start:after] == ["[chorus]", *new]
    assert set(sung[after:]) <= {",", "[outro]"}
    assert sung[: start - 1] == list(before.lyrics.symbols)[: start - 1]
    assert song.score is not None
    words = [word.text for word in song.score.words]
    assert words[-3:] == ["Morning", "light", "Stay"] and words[0] == "City"
    lines = song.manifest["request"]["lyrics"].splitlines()
    assert [lines[word.line - 1] for word in song.score.words[-3:]] == ["Morning light", "Morning light", "Stay"]


def test_the_same_request_gives_the_same_song(aligned: SongPipeline, aligned_song: Path) -> None:
    request = ExtendRequest(str(aligned_song), "[chorus] Morning light", 2.0, seed=7)
    first, again = extended(aligned, request), extended(aligned, request)
    assert np.array_equal(first.waveform.samples, again.waveform.samples)
    other = extended(aligned, ExtendRequest(str(aligned_song), "[chorus] Morning light", 2.0, seed=8))
    assert not np.array_equal(first.tokens, other.tokens)


def test_pieces_joined_are_the_song(aligned: SongPipeline, aligned_song: Path) -> None:
    stream = aligned.extend(ExtendRequest(str(aligned_song), "[chorus] Morning light", 2.0, seed=7))
    with pytest.raises(SongBloomError, match="not finished"):
        _ = stream.song
    pieces = [sound for _, sound in stream]
    assert pieces[0].shape[1] > 5 * RATE
    assert np.array_equal(np.concatenate(pieces, axis=1), stream.song.waveform.samples)


def test_longer_and_longer(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    once = save_song(
        extended(aligned, ExtendRequest(str(aligned_song), "[verse] Stay", 2.0, seed=1)), tmp_path / "b.flac"
    )
    twice = extended(aligned, ExtendRequest(str(once.audio), "[verse] Go", 2.0, seed=1))
    middle = read_audio(once.audio)
    assert first_difference(middle.samples, twice.waveform.samples) >= middle.samples.shape[1] - 2.5 * RATE
    chain = twice.manifest["edit"]["parents"][0]["manifest"]["edit"]["parents"][0]["manifest"]
    assert chain["request"]["seed"] == 1 and "edit" not in chain


def test_the_state_goes_on_as_if_never_cut(aligned: SongPipeline, aligned_song: Path) -> None:
    """Where the words stay, the guide's memory is what the engine itself had."""
    from songbloom_x2.editing.cut import cut, resumed

    memory = opened(read_memory(aligned_song.with_suffix(".state.safetensors")))
    model = aligned._workshop.loaded.model
    condition = model.condition(memory.lyrics.ids, memory.style)
    from songbloom_x2.engine import Generation, SongTask

    seed = 1
    whole = Generation(model.steps(), [SongTask(condition, seed, 96, 96)], aligned.config.sampling)
    states = [whole.state.songs[0] for _ in whole.blocks()]
    for state in states:
        again = resumed(model, cut(state, state.frames), condition, aligned.config.sampling)
        for name in state.guide.keys() - {"statistics"}:
            assert torch.equal(again.guide[name], state.guide[name]), name


def test_what_is_new_is_held_under_the_ceiling_too(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    """Also where nothing of the old song had to be held back: what comes may be louder."""
    song = aligned.generate(SongRequest("[verse] City lights.", style="rock-glen", seed=1, duration=3.0))[0]
    quiet = save_song(song, tmp_path / "quiet.wav", format="wav", loudness=-45.0, true_peak_ceiling=-15.0)
    assert quiet.manifest["file"]["loudness"]["limiter_db"] == 0
    longer = extended(aligned, ExtendRequest(str(quiet.audio), "[verse] Stay", 3.0, style="soul-edie", seed=2))
    assert longer.level is not None and longer.level.ceiling_db == -15.0
    assert float(np.abs(longer.waveform.samples).max()) <= 10 ** (-15 / 20) * 1.001


def test_a_model_without_alignment(endless: SongPipeline, endless_song: Path) -> None:
    song = extended(endless, ExtendRequest(str(endless_song), "[chorus] Dreams", 2.0, seed=3))
    old = read_audio(endless_song)
    assert first_difference(old.samples, song.waveform.samples) >= old.samples.shape[1] - 2.5 * RATE
    assert 2.0 - 0.32 <= song.waveform.seconds - old.seconds <= 2.0


def test_without_words_the_rest_is_sung(aligned: SongPipeline, aligned_song: Path) -> None:
    song = extended(aligned, ExtendRequest(str(aligned_song), duration=2.0, start=2.0))
    assert (
        song.manifest["lyrics"]["sung"]
        == opened(read_memory(aligned_song.with_suffix(".state.safetensors"))).lyrics.text
    )


def test_with_time_left_after_the_words_the_band_plays_on(aligned: SongPipeline, aligned_song: Path) -> None:
    song = extended(aligned, ExtendRequest(str(aligned_song), duration=20.0, start=2.0))
    before = opened(read_memory(aligned_song.with_suffix(".state.safetensors"))).lyrics
    symbols = song.manifest["lyrics"]["symbols"].split()
    assert symbols[: len(before.symbols)] == list(before.symbols)
    assert set(symbols[len(before.symbols) :]) == {",", "[outro]"}


def test_a_song_that_died_away_goes_on_from_where_it_sounded(aligned: SongPipeline, tmp_path: Path) -> None:
    """Three seconds of silence at its end would be a hole in the middle."""
    made = aligned.generate(SongRequest("[verse] City lights are calling me home", style="rock", seed=1, duration=8.0))[
        0
    ]
    samples = made.waveform.samples.copy()
    samples[:, 4 * RATE :] = 0
    parent = save_song(dataclasses.replace(made, waveform=Waveform(samples, RATE)), tmp_path / "song.flac")
    song = extended(aligned, ExtendRequest(str(parent.audio), "[chorus] Morning light", 3.0, seed=7))
    edit = song.manifest["edit"]
    assert edit["silent_from"] == 4.0
    old, new = read_audio(parent.audio).samples, song.waveform.samples
    kept = edit["seam"]["start"]
    assert 4.0 - 2.5 <= kept / RATE < 4.0 and np.array_equal(new[:, :kept], old[:, :kept])
    # Seconds are added to those that the song had, silent or not.
    assert 11.0 - 0.64 <= song.waveform.seconds <= 11.0
    until_told = extended(aligned, ExtendRequest(str(parent.audio), "[chorus] Light", 3.0, start=8.0, seed=7))
    assert until_told.manifest["edit"]["silent_from"] is None
    assert until_told.manifest["edit"]["seam"]["start"] > 5 * RATE


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"start": 9.0, "duration": 1.0}, ConfigError, "the song lasts 8.00 s"),
        ({"start": 0.0, "duration": 1.0}, ConfigError, "from 0 s"),
        ({"start": float("nan"), "duration": 1.0}, ConfigError, "from nan s"),
        ({"duration": 0.0}, ConfigError, "more than 0"),
        ({"duration": -1.0}, ConfigError, "more than 0"),
        ({"duration": 0.1}, ConfigError, "whole blocks"),
        ({"duration": 1000.0}, ConfigError, "at most"),
        ({"duration": float("inf")}, ConfigError, "more than 0"),
        ({"lyrics": "[verse]", "duration": 1.0}, LyricsError, "only tags"),
        ({"seed": -1, "duration": 1.0}, ConfigError, "seed"),
    ],
)
def test_what_cannot_be(
    aligned: SongPipeline, aligned_song: Path, changes: dict[str, object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        aligned.extend(ExtendRequest(**{"song": str(aligned_song), **changes}))  # type: ignore[arg-type]  # as a caller


def test_a_memory_that_cannot_be_used(
    aligned: SongPipeline, endless: SongPipeline, aligned_song: Path, endless_song: Path, tmp_path: Path
) -> None:
    song, memory = tmp_path / "song.flac", tmp_path / "song.state.safetensors"
    shutil.copy(aligned_song, song)
    good = aligned_song.with_suffix(".state.safetensors").read_bytes()
    request = ExtendRequest(str(song), "[verse] Stay", 2.0)

    def refused(pipeline: SongPipeline = aligned) -> str:
        with pytest.raises(CheckpointError) as error:
            pipeline.extend(request)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "is not beside it" in refused()
    memory.write_bytes(good[:-100])
    assert "damaged or cut short" in refused()
    memory.write_bytes(good[:-100] + bytes(100))
    assert "checksum" in refused()
    memory.write_bytes(b"")
    assert "damaged or cut short" in refused()
    memory.write_bytes(endless_song.with_suffix(".state.safetensors").read_bytes())
    assert "made by the model" in refused()
    memory.write_bytes(good)
    assert "made by the model" in refused(endless)
    sound = read_audio(song)
    write_audio(song, type(sound)(sound.samples[:, : 4 * RATE], RATE), format="flac")
    assert "it was cut" in refused()
    # Another hand at its level, or its sides: what would come is at the old one.
    for samples in (0.7 * sound.samples, sound.samples[::-1] * np.array([[1.3], [1.0]])):
        write_audio(song, type(sound)(samples.astype(np.float32), RATE), format="flac")
        assert "was changed since it was made" in refused()
    write_audio(song, sound, format="flac")
    assert aligned.extend(request) is not None


@pytest.mark.long
def test_a_song_of_an_older_process(aligned_model: Path, aligned_song: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "songbloom_x2", "extend", str(aligned_song), "--model", str(aligned_model)]
    arguments += [
        "--lyrics",
        "[verse] Stay",
        "--duration",
        "2s",
        "--seed",
        "4",
        "--out",
        str(tmp_path / "b.flac"),
        "--json",
    ]
    made = subprocess.run(arguments, capture_output=True, text=True, timeout=1200, check=True)
    told = json.loads(made.stdout)
    old, new = read_audio(aligned_song), read_audio(tmp_path / "b.flac")
    assert (
        first_difference(old.samples, new.samples) >= told["edit"]["seam"]["start"] > old.samples.shape[1] - 2.5 * RATE
    )
    assert told["edit"]["parents"] == [{"file": "song.flac", "sha256": told["edit"]["parents"][0]["sha256"]}]
