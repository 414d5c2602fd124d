"""The model that ships: what is kept of a song stays, what is made of it is made again, words are sung once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.audio.files import read_audio
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.replay import replay
from songbloom_x2.song_files import SavedSong, save_song
from songbloom_x2.types import ExtendRequest, RepaintRequest, SongRequest

pytestmark = pytest.mark.long

RATE = 48000
QUICK = {"steps": 3}


@pytest.fixture(scope="module")
def pipeline() -> SongPipeline:
    return SongPipeline.from_pretrained("embedded")


@pytest.fixture(scope="module")
def first(pipeline: SongPipeline, tmp_path_factory: pytest.TempPathFactory) -> SavedSong:
    request = SongRequest("[verse] Morning light.", style="rock-dawn", seed=3, duration=5.0, sampling=QUICK)
    song = pipeline.generate(request)[0]
    # Short as the words are, nothing is sung twice: the band plays on.
    assert song.score is not None and [word.text for word in song.score.words] == ["Morning", "light"]
    assert 5.0 - 0.64 <= song.waveform.seconds <= 5.0
    last = song.waveform.samples[:, -RATE // 20 :]
    assert float(np.abs(last).max()) < 0.1 * float(np.abs(song.waveform.samples).max())
    return save_song(song, tmp_path_factory.mktemp("embedded") / "first.flac")


@pytest.fixture(scope="module")
def longer(pipeline: SongPipeline, first: SavedSong) -> SavedSong:
    request = ExtendRequest(str(first.audio), "[chorus] Hold on", 2.0, seed=5)
    return save_song(pipeline.extend(request).whole(), first.audio.with_name("longer.flac"))


@pytest.fixture(scope="module")
def painted(pipeline: SongPipeline, longer: SavedSong) -> SavedSong:
    request = RepaintRequest(str(longer.audio), 2.0, 3.0, seed=2, candidates=2)
    return save_song(pipeline.repaint(request).whole(), longer.audio.with_name("painted.flac"))


def test_going_on(first: SavedSong, longer: SavedSong) -> None:
    old, new = read_audio(first.audio).samples, read_audio(longer.audio).samples
    seam = longer.manifest["edit"]["seam"]
    kept, end = seam["start"], seam["start"] + seam["samples"]
    assert kept >= old.shape[1] - 2.5 * RATE
    assert np.array_equal(new[:, :kept], old[:, :kept])
    # No step in loudness: where the old song's fade has hardly begun, the new sound is still the old one.
    still = slice(end, end + RATE // 20)
    assert float(np.abs(new[:, still] - old[:, still]).max()) < 0.03 * float(np.abs(old).max())
    assert float(np.abs(new).max()) < 1.0
    for name in ("tempo", "key"):
        assert longer.manifest["music"][name]["told"] == first.manifest["music"][name]["told"] is not None


def test_a_stretch_made_anew(longer: SavedSong, painted: SavedSong) -> None:
    old, new = read_audio(longer.audio).samples, read_audio(painted.audio).samples
    before, after = int(1.7 * RATE), int(3.3 * RATE)
    assert new.shape == old.shape
    assert np.array_equal(new[:, :before], old[:, :before]) and np.array_equal(new[:, after:], old[:, after:])
    assert not np.array_equal(new[:, 2 * RATE : 3 * RATE], old[:, 2 * RATE : 3 * RATE])
    edit = painted.manifest["edit"]
    likely = [-np.inf if value is None else value for value in edit["log_likelihoods"]]
    assert len(set(likely)) == 2 and edit["taken"] == int(np.argmax(likely))


def test_its_history_is_made_again_without_any_of_its_files(pipeline: SongPipeline, painted: SavedSong) -> None:
    text = painted.manifest_path.read_text(encoding="utf-8")
    moved = text.replace(str(painted.audio.parent), str(Path("/gone")))
    assert moved != text
    assert replay(pipeline, json.loads(moved)).identical
