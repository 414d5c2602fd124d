"""From corpus records to training songs: encode the stems, align the sketch, and keep all of it in memory as float16."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import SongConfig
from songbloom_x2.train.aligned import align
from songbloom_x2.train.corpus.record import SongRecord, read_records
from songbloom_x2.train.songs import Songs, TrainingSong

MIXTURE_FRAMES = 250
"""Latent frames (10 s) of mixture prompt kept of each song."""


@torch.inference_mode()
def stem_latents(record: SongRecord, codec: TwoStemCodec) -> Tensor:
    """Latents ``[D, T]`` of the record's stems."""
    bands = torch.from_numpy(record.voice).float()[None]
    f0, voiced = torch.from_numpy(record.f0).float()[None], torch.from_numpy(record.voiced)[None]
    voice = codec.encode_voice(bands, f0, voiced)[0]
    band = codec.encode_features(torch.from_numpy(record.band).float()[None])[0]
    frames = min(voice.shape[1], band.shape[1])
    return torch.cat([voice[:, :frames], band[:, :frames]])


@torch.inference_mode()
def mixture_latents(latents: Tensor, codec: TwoStemCodec, start: int, frames: int) -> Tensor:
    """A stretch of the song as a listener has it: voice rendered, added to the band, all in the band slot.

    Magnitudes are added, which is exact where one stem dominates; ``[D, T]`` -> ``[D, frames]``.
    """
    from songbloom_x2.codec.mel import FLOOR, band_features

    part = latents[None, :, start : start + frames]
    voice = codec.decode_voice(part)
    heard = band_features(voice).exp() - FLOOR
    features = torch.log(codec.band_features_of(part).exp() + heard[:, : 4 * part.shape[2]])
    return torch.cat([codec.silent_voice(1, part.shape[2]), codec.encode_features(features)], 1)[0]


def prepare_song(record: SongRecord, codec: TwoStemCodec, config: SongConfig) -> TrainingSong:
    """Encode and align one song.

    Raises:
        ValueError: the song cannot be aligned (see ``align``).
    """
    assert config.alignment is not None
    clean = stem_latents(record, codec)
    lead, block = config.alignment.lead, config.block_size
    frames = (clean.shape[1] + lead) // block * block
    sketch = align(record.annotation, frames, config.alignment, config.lyrics, config.instrumental_seconds)
    quiet = codec.encode(clean.new_zeros(1, 2, lead * codec.samples_per_frame))[0]
    latents = torch.cat([quiet, clean], 1)[:, :frames]
    length = min(MIXTURE_FRAMES, clean.shape[1])
    middle = (clean.shape[1] - length) // 2
    mixture = mixture_latents(clean, codec, middle, length)
    return TrainingSong(
        sketch=sketch,
        latents=latents.T.half(),
        clean=clean.T.half(),
        mixture=mixture.T.half(),
        style=str(record.annotation["style"]),
        voice=str(record.annotation["voice"]),
    )


def prepared(records: Iterable[SongRecord], codec: TwoStemCodec, config: SongConfig) -> Iterator[TrainingSong]:
    """Every song that can be aligned; the others are counted by the caller from what is missing."""
    for record in records:
        try:
            yield prepare_song(record, codec, config)
        except ValueError:
            continue


def load_songs(folder: Path, codec: TwoStemCodec, config: SongConfig) -> Songs:
    """All songs of a corpus folder."""
    return Songs(list(prepared(read_records(folder), codec, config)), config)
