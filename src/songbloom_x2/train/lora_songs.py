"""The songs of a fine-tuning: a corpus with exact annotations, or a folder of sound files with their lyrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus.record import read_shard, shard_stems
from songbloom_x2.train.foreign import foreign_songs
from songbloom_x2.train.prepare import prepare_song
from songbloom_x2.train.songs import Songs, TrainingSong

HELD_OUT = 0.1


@dataclass(frozen=True)
class FineTuningSongs:
    """``held_out`` songs are only measured on; ``voices``: the songs' voices are known apart from their bands."""

    train: Songs
    held_out: Songs
    voices: bool


def read_songs(folder: Path, codec: TwoStemCodec, config: SongConfig, report: Callable[[str], None]) -> FineTuningSongs:
    """All songs of a folder; every tenth, at least one, is held out. Raises ``ConfigError`` for fewer than two."""
    if not folder.is_dir():
        raise ConfigError(f"--songs {folder}: no such folder")
    voices = True
    if shard_stems(folder):
        songs = _corpus_songs(folder, codec, config)
    else:
        found = foreign_songs(folder, codec, config, report)
        songs, voices = found.songs, found.voices
    if len(songs) < 2:
        raise ConfigError(f"--songs {folder}: {len(songs)} songs can be used; at least two are needed")
    count = max(1, round(HELD_OUT * len(songs)))
    return FineTuningSongs(Songs(songs[count:], config), Songs(songs[:count], config), voices)


def _corpus_songs(folder: Path, codec: TwoStemCodec, config: SongConfig) -> list[TrainingSong]:
    prepared = (
        prepare_song(record, codec, config)
        for stem in shard_stems(folder)
        for record in read_shard(stem)
        if record.band is not None
    )
    return [song for song in prepared if song is not None]
