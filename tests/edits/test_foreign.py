"""Recordings from elsewhere: what is kept of them is theirs, and it is said which way was taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.files import read_audio
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.replay import replay
from songbloom_x2.song_files import save_song
from songbloom_x2.types import ExtendRequest, RepaintRequest


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Six seconds of chords on a beat, mono at 44.1 kHz."""
    time = np.arange(6 * 44100) / 44100
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 261.63, 329.63))
    beat = np.exp(-(time % 0.5) / 0.08)
    path = tmp_path / "record.wav"
    soundfile.write(path, 0.15 * chord * beat, 44100, subtype="PCM_16")
    return path


@pytest.mark.parametrize("model", ["aligned", "endless"])
def test_going_on(model: str, recording: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pipeline: SongPipeline = request.getfixturevalue(model)
    song = pipeline.extend(ExtendRequest(str(recording), "[verse] City lights", 3.0, seed=2)).whole()
    edit = song.manifest["edit"]
    assert edit["way"] == "style and crossfade" and edit["kind"] == "extend"
    saved = save_song(song, tmp_path / "longer.wav", format="wav")
    old, new = read_audio(recording), read_audio(saved.audio)
    assert new.sample_rate == 44100 and new.samples.shape[0] == 1
    kept = edit["seam"]["start"]
    assert kept >= old.samples.shape[1] - 2.5 * 44100
    assert np.array_equal(new.samples[:, :kept], old.samples[:, :kept])
    assert 7.3 < new.seconds < 10
    again = pipeline.extend(ExtendRequest(str(saved.audio), duration=2.0)).whole()
    assert again.manifest["edit"]["way"] == "style and crossfade"


def test_a_stretch(aligned: SongPipeline, recording: Path) -> None:
    old = read_audio(recording).samples
    song = aligned.repaint(RepaintRequest(str(recording), 2.0, 3.5, seed=2)).whole()
    new = song.waveform.samples
    assert new.shape == old.shape
    assert np.array_equal(new[:, : int(1.0 * 44100)], old[:, : int(1.0 * 44100)])
    assert np.array_equal(new[:, int(4.5 * 44100) :], old[:, int(4.5 * 44100) :])
    assert not np.array_equal(new[:, int(2.2 * 44100) : int(3.3 * 44100)], old[:, int(2.2 * 44100) : int(3.3 * 44100)])
    assert song.manifest["edit"]["way"] == "style and crossfade"
    assert song.manifest["style"]["tempo"] == pytest.approx(120, abs=2)


def test_a_song_of_ours_without_its_memory(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    shutil.copy(aligned_song, tmp_path / "song.flac")
    request = ExtendRequest(str(tmp_path / "song.flac"), "[verse] Stay", 2.0, foreign=True)
    song = aligned.extend(request).whole()
    kept = song.manifest["edit"]["seam"]["start"]
    assert np.array_equal(song.waveform.samples[:, :kept], read_audio(aligned_song).samples[:, :kept])


def test_it_is_made_again_from_the_recording(aligned: SongPipeline, recording: Path) -> None:
    song = aligned.extend(ExtendRequest(str(recording), "[verse] City lights", 2.0, seed=2)).whole()
    assert replay(aligned, song.manifest).identical


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"start": 9.0}, ConfigError, "lasts 6.00 s"),
        ({"start": 0.2}, ConfigError, "lasts 6.00 s"),
        ({"duration": -1.0}, ConfigError, "more than 0"),
        ({"duration": None, "lyrics": ""}, LyricsError, "nothing to sing"),
    ],
)
def test_what_cannot_be(
    aligned: SongPipeline, recording: Path, changes: dict[str, object], kind: type[Exception], said: str
) -> None:
    asked = {"song": str(recording), "lyrics": "[verse] Stay", "duration": 2.0, **changes}
    with pytest.raises(kind, match=said):
        aligned.extend(ExtendRequest(**asked))  # type: ignore[arg-type]  # as a caller could
    with pytest.raises(ConfigError, match="inside it"):
        aligned.repaint(RepaintRequest(str(recording), 5.0, 7.0))
