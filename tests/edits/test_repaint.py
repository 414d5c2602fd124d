"""A stretch is made anew: the rest stays sample by sample, the words and the state go on after it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from songbloom_x2.audio.files import read_audio
from songbloom_x2.editing.memory import Remembered, opened, read_memory
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_files import save_song
from songbloom_x2.types import ExtendRequest, FloatArray, RepaintRequest, Song
from songbloom_x2.workshop import Workshop

RATE = 48000


def remembered(song: Path) -> Remembered:
    return opened(read_memory(song.with_suffix(".state.safetensors")))


def repainted(pipeline: SongPipeline, song: Path, start: float, end: float, **changes: object) -> Song:
    request = RepaintRequest(str(song), start, end, **{"candidates": 2, **changes})  # type: ignore[arg-type]  # as named
    return pipeline.repaint(request).whole()


@pytest.mark.long
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(start=st.floats(0, 7), length=st.floats(0.5, 3), seed=st.integers(0, 99), end_too=st.booleans())
def test_outside_the_stretch_nothing_changes(
    aligned: SongPipeline, aligned_song: Path, start: float, length: float, seed: int, end_too: bool
) -> None:
    old = read_audio(aligned_song).samples
    end = old.shape[1] / RATE if end_too else min(start + length, old.shape[1] / RATE)
    start = min(start, end - 0.5)
    song = repainted(aligned, aligned_song, start, end, seed=seed)
    new = song.waveform.samples
    assert new.shape == old.shape
    before, after = max(0, int((start - 1) * RATE)), int((end + 1) * RATE)
    assert np.array_equal(new[:, :before], old[:, :before]) and np.array_equal(new[:, after:], old[:, after:])
    inside = slice(int(start * RATE) + 1, int(end * RATE) - 1)
    assert not np.array_equal(new[:, inside], old[:, inside])


def test_only_what_leads_to_the_stretch_is_decoded(
    aligned: SongPipeline, aligned_song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, decode = [], Workshop.decode

    def counting(workshop: Workshop, latents: Tensor) -> FloatArray:
        decoded.append(latents.shape[1])
        return decode(workshop, latents)

    monkeypatch.setattr(Workshop, "decode", counting)
    short = repainted(aligned, aligned_song, 1.0, 2.0, candidates=1)
    monkeypatch.setattr("songbloom_x2.edits.repaint._BEYOND_FRAMES", 10_000)
    whole = repainted(aligned, aligned_song, 1.0, 2.0, candidates=1)
    assert decoded[0] < 6 * 25 < decoded[1] == remembered(aligned_song).state.frames
    # The same but for how a machine orders its sums.
    assert np.allclose(short.waveform.samples, whole.waveform.samples, rtol=0, atol=1e-5)


def test_words_that_were_sung_fast_can_be_sung_again(aligned: SongPipeline, aligned_song: Path) -> None:
    """Wherever a second of the song is taken: what it sang there fits there."""
    pointer = remembered(aligned_song).state.trail["pointer"].numpy()
    fastest = int(np.argmax(pointer[25:] - pointer[:-25]))
    start = fastest / 25
    old = read_audio(aligned_song).samples
    song = repainted(aligned, aligned_song, start, start + 1.0, candidates=1, seed=2)
    assert song.waveform.samples.shape == old.shape


def test_sketch_and_words_around_it_stay(aligned: SongPipeline, aligned_song: Path) -> None:
    song, old = repainted(aligned, aligned_song, 2.0, 4.0, seed=3), remembered(aligned_song)
    tokens = old.state.tokens.numpy()
    assert np.array_equal(song.tokens[:50], tokens[:50]) and np.array_equal(song.tokens[100:], tokens[100:])
    assert not np.array_equal(song.tokens[50:100], tokens[50:100])
    assert song.memory is not None
    new = opened(song.memory)
    assert np.array_equal(new.state.trail["pointer"][100:], old.state.trail["pointer"][100:])
    assert np.array_equal(new.state.trail["pointer"][:51], old.state.trail["pointer"][:51])
    assert (np.diff(new.state.trail["pointer"].numpy()) >= 0).all() and (np.diff(new.state.trail["pointer"]) <= 1).all()
    latents = old.state.latents.numpy()
    assert np.array_equal(song.latents[:, :48], latents[:, :48]) and np.array_equal(
        song.latents[:, 112:], latents[:, 112:]
    )


def test_other_words(aligned: SongPipeline, aligned_song: Path) -> None:
    old = remembered(aligned_song)
    assert [word.text for word in old.lyrics.words][:4] == ["City", "lights", "are", "calling"]
    song = repainted(aligned, aligned_song, 0.0, 5.0, lyrics="Rivers", seed=3)
    assert song.score is not None
    assert "Rivers" in [word.text for word in song.score.words]
    symbols = song.manifest["lyrics"]["symbols"]
    assert "R IH V ER Z" in symbols and not symbols.startswith("[verse] S IH T IY")
    assert "Rivers" in song.manifest["request"]["lyrics"].splitlines()[1]
    # The words after the stretch are sung when they were.
    assert song.memory is not None
    after = opened(song.memory).state.trail
    shift = after["pointer"][125:] - old.state.trail["pointer"][125:]
    assert (shift == shift[0]).all() and np.array_equal(after["current"][126:], old.state.trail["current"][126:])


def test_the_likeliest_is_taken(aligned: SongPipeline, aligned_song: Path) -> None:
    edit = repainted(aligned, aligned_song, 2.0, 3.0, candidates=4, seed=5).manifest["edit"]
    likely = edit["log_likelihoods"]
    assert len(likely) == 4 and len(set(likely)) > 1
    best = max(range(4), key=lambda index: -1e9 if likely[index] is None else likely[index])
    assert edit["taken"] == best
    alone = repainted(aligned, aligned_song, 2.0, 3.0, candidates=1, seed=5 + best)
    assert alone.manifest["edit"]["log_likelihoods"][0] == pytest.approx(likely[best], abs=0.01)


def test_a_model_without_alignment(endless: SongPipeline, endless_song: Path) -> None:
    old = read_audio(endless_song).samples
    song = repainted(endless, endless_song, 1.0, 2.0, seed=3)
    new = song.waveform.samples
    assert np.array_equal(new[:, : int(0.7 * RATE)], old[:, : int(0.7 * RATE)])
    assert np.array_equal(new[:, int(2.3 * RATE) :], old[:, int(2.3 * RATE) :])
    assert not np.array_equal(new, old)
    with pytest.raises(ConfigError, match="does not know when"):
        repainted(endless, endless_song, 1.0, 2.0, lyrics="Rivers")


@pytest.mark.long
def test_again_and_longer(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    once = save_song(repainted(aligned, aligned_song, 2.0, 3.0), tmp_path / "once.flac").audio
    before = read_audio(once).samples
    twice = repainted(aligned, once, 5.0, 6.0)
    assert np.array_equal(twice.waveform.samples[:, : 4 * RATE], before[:, : 4 * RATE])
    longer = aligned.extend(ExtendRequest(str(once), "[verse] Stay", 2.0)).whole()
    assert np.array_equal(longer.waveform.samples[:, : 5 * RATE], before[:, : 5 * RATE])
    parents = twice.manifest["edit"]["parents"][0]["manifest"]["edit"]["parents"]
    assert parents[0]["manifest"]["request"]["title"] == "Lights"


@pytest.mark.parametrize(
    ("start", "end", "changes", "said"),
    [
        (3.0, 2.0, {}, "must end after it begins"),
        (2.0, 2.0, {}, "must end after it begins"),
        (2.0, 2.1, {}, "at least can be made anew"),
        (7.0, 9.0, {}, "the song lasts 8.00 s"),
        (-1.0, 2.0, {}, "the song lasts 8.00 s"),
        (float("nan"), 2.0, {}, "two times"),
        (1.0, float("inf"), {}, "two times"),
        (1.0, 2.0, {"candidates": 0}, "candidates 0"),
        (1.0, 2.0, {"candidates": 65}, "candidates 65"),
        (1.0, 2.0, {"seed": -3}, "seed"),
    ],
)
def test_what_is_no_stretch(
    aligned: SongPipeline, aligned_song: Path, start: float, end: float, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        repainted(aligned, aligned_song, start, end, **changes)
    assert "\n" not in str(error.value)


def test_too_many_words(aligned: SongPipeline, aligned_song: Path) -> None:
    with pytest.raises(LyricsError, match=r"need [0-9.]+ s at least"):
        repainted(aligned, aligned_song, 2.0, 3.0, lyrics="Rivers carry me away into the morning over the hills")


@pytest.mark.long
def test_every_candidate_keeps_the_pace(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    shutil.copy(aligned_song, tmp_path / "song.flac")
    shutil.copy(aligned_song.with_suffix(".state.safetensors"), tmp_path / "song.state.safetensors")
    for seed in range(4):
        song = repainted(aligned, tmp_path / "song.flac", 1.0, 1.6, seed=seed, candidates=1)
        assert song.memory is not None
        pointer = opened(song.memory).state.trail["pointer"]
        assert int(pointer[40]) == int(remembered(aligned_song).state.trail["pointer"][40])
