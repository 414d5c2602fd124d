"""Songs on disk to be changed, of tiny models of both kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_files import save_song
from songbloom_x2.types import SongRequest

LYRICS = "[Verse]\nCity lights are calling me home\nDreams pass fast\n\n[Chorus]\nHold on"


@pytest.fixture(scope="session")
def aligned(aligned_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(aligned_model, RuntimeConfig(device="cpu"))


@pytest.fixture(scope="session")
def endless(endless_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))


@pytest.fixture(scope="session")
def aligned_song(aligned: SongPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    song = aligned.generate(SongRequest(LYRICS, style="rock", seed=1, duration=8.0, title="Lights"))[0]
    return save_song(song, tmp_path_factory.mktemp("aligned-song") / "song.flac").audio


@pytest.fixture(scope="session")
def endless_song(endless: SongPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    song = endless.generate(SongRequest("[verse] City lights are calling me home.", seed=1, duration=4.0))[0]
    return save_song(song, tmp_path_factory.mktemp("endless-song") / "song.wav", format="wav").audio
