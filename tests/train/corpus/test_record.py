from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus.generate import SEEDS_A_CORPUS, CorpusConfig, generate
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.record import Annotation, SongRecord, read_shard, shard_stems, write_shard
from songbloom_x2.train.corpus.song import annotation_only
from songbloom_x2.train.corpus.voice_params import VoiceFrames


def _song(lyricist: Lyricist, seed: int, *, band: bool) -> SongRecord:
    rng = np.random.default_rng(seed)
    frames = VoiceFrames(
        rng.normal(0, 1, (12, 104)).astype(np.float16).astype(np.float32),
        rng.uniform(80, 400, 12).astype(np.float32),
        rng.random(12) < 0.5,
    )
    stem = rng.integers(-30000, 30000, (2, 5760)).astype(np.int16) if band else None
    return SongRecord(annotation_only(seed, lyricist), frames, stem)


def test_annotations_survive_json(lyricist: Lyricist) -> None:
    note = annotation_only(4, lyricist)
    assert Annotation.from_json(note.to_json()) == note


def test_shards_give_back_what_was_written(lyricist: Lyricist, tmp_path: Path) -> None:
    songs = [_song(lyricist, 1, band=True), _song(lyricist, 2, band=False)]
    write_shard(tmp_path / "shard-00007", songs)
    assert shard_stems(tmp_path) == [tmp_path / "shard-00007"]
    for song, again in zip(songs, read_shard(tmp_path / "shard-00007"), strict=True):
        assert again.annotation == song.annotation
        assert np.array_equal(again.voice.bands, song.voice.bands)
        assert np.array_equal(again.voice.f0, song.voice.f0)
        assert np.array_equal(again.voice.voiced, song.voice.voiced)
        assert (again.band is None) == (song.band is None)
    assert all(song.band is None for song in read_shard(tmp_path / "shard-00007", band=False))


def test_a_shard_without_its_annotations_does_not_count(lyricist: Lyricist, tmp_path: Path) -> None:
    write_shard(tmp_path / "shard-00000", [_song(lyricist, 1, band=False)])
    (tmp_path / "shard-00000.jsonl").unlink()
    assert shard_stems(tmp_path) == []


@pytest.mark.long
def test_a_corpus_is_resumed_grows_and_keeps_its_settings(tmp_path: Path, cache: Path, soundfont: Path) -> None:
    said: list[str] = []

    def make(config: CorpusConfig) -> None:
        generate(tmp_path, config, cache=cache, soundfonts=[soundfont], report=said.append)

    make(CorpusConfig(2, seed=3, shard_songs=1, stems=1))
    first = [song for stem in shard_stems(tmp_path) for song in read_shard(stem)]
    assert [song.annotation.seed for song in first] == [3 * SEEDS_A_CORPUS, 3 * SEEDS_A_CORPUS + 1]
    assert [song.band is not None for song in first] == [True, False]
    (tmp_path / "shard-00001.jsonl").unlink()
    said.clear()
    make(CorpusConfig(2, seed=3, shard_songs=1, stems=1))
    assert said[0] == "2 shards, 1 already there"
    again = [song for stem in shard_stems(tmp_path) for song in read_shard(stem)]
    assert again[1].annotation == first[1].annotation
    assert np.array_equal(again[1].voice.bands, first[1].voice.bands)
    with pytest.raises(ConfigError, match="seed"):
        make(CorpusConfig(2, seed=4, shard_songs=1, stems=1))


def test_a_corpus_of_voices_needs_no_soundfont_and_stays_one(tmp_path: Path, cache: Path) -> None:
    config = CorpusConfig(1, seed=3, voices_only=True)
    generate(tmp_path, config, cache=cache, soundfonts=[], report=lambda _: None)
    (song,) = (song for stem in shard_stems(tmp_path) for song in read_shard(stem))
    assert song.band is None
    assert song.voice.voiced.any()
    with pytest.raises(ConfigError, match="voices_only"):
        generate(tmp_path, dataclasses.replace(config, voices_only=False), cache=cache, soundfonts=[])
