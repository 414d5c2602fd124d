"""A song's history is made again, from its parents' files or from nothing but its manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.replay import find_manifest, replay
from songbloom_x2.song_files import save_song
from songbloom_x2.types import ExtendRequest, RepaintRequest, SongRequest, StyleMix, VariationRequest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def history(aligned: SongPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song, gone on, with a stretch made anew; only the last manifest stays."""
    folder = tmp_path_factory.mktemp("history")
    first = aligned.generate(SongRequest("[verse] City lights are calling me home.", "rock", 3, 3.0))[0]
    one = save_song(first, folder / "one.flac").audio
    two = save_song(
        aligned.extend(ExtendRequest(str(one), "[verse] Stay", 2.0, seed=4)).whole(), folder / "two.flac"
    ).audio
    three = aligned.repaint(RepaintRequest(str(two), 1.0, 2.0, seed=5, candidates=2)).whole()
    save_song(three, folder / "three.flac")
    return folder


def test_from_the_files(aligned: SongPipeline, history: Path) -> None:
    assert replay(aligned, find_manifest(history / "three.flac")).identical


def test_from_nothing_but_the_manifest(aligned: SongPipeline, history: Path, tmp_path: Path) -> None:
    manifest = json.loads((history / "three.json").read_text().replace(str(history), "/gone"))
    assert replay(aligned, manifest).identical


def test_a_variation(aligned: SongPipeline, history: Path) -> None:
    song = aligned.vary(VariationRequest(str(history / "one.flac"), keep_sketch=True, seed=9)).whole()
    assert replay(aligned, song.manifest).identical


def test_a_mix(aligned: SongPipeline) -> None:
    written = "rock-glen:0.25 soul-edie:0.75"
    style = aligned.mix_styles(StyleMix((("rock-glen", 1.0), ("soul-edie", 3.0)), "guidance"))
    song = aligned.generate(SongRequest("[verse] City lights.", written, 3, 1.3), style=style)[0]
    again = replay(aligned, song.manifest)
    assert again.identical and again.song.manifest["style"]["method"] == "guidance"
