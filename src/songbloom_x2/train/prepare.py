"""From corpus shards to training songs: encode the stems, align the sketch; kept as safetensors beside the training."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from songbloom_x2.codec.mel import FLOOR, band_features
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.codec.voice_renderer import VoiceStream
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.train.aligned import AlignedSketch, align
from songbloom_x2.train.corpus.record import SongRecord, read_shard, shard_stems
from songbloom_x2.train.songs import Songs, TrainingSong

MIXTURE_FRAMES = 250
"""Latent frames (10 s) of mixture prompt kept of each song."""
_ARRAYS = ("current", "pitch", "pointer", "chord", "run", "slots")


@torch.inference_mode()
def stem_latents(record: SongRecord, codec: TwoStemCodec) -> Tensor:
    """Latents ``[D, T]`` of the record's stems; NaN for a band that was not kept."""
    voice = record.voice
    bands, f0 = torch.from_numpy(voice.bands).float()[None], torch.from_numpy(voice.f0).float()[None]
    voiced = torch.from_numpy(voice.voiced)[None]
    if record.band is None:
        sung = codec.encode_voice(bands, f0, voiced)[0]
        return torch.cat([sung, sung.new_full((codec.config.band_components, sung.shape[1]), torch.nan)])
    audio = torch.from_numpy(record.band.astype(np.float32) / 32767)[None]
    return codec.encode_stems(bands, f0, voiced, audio)[0]


@torch.inference_mode()
def mixture_latents(latents: Tensor, codec: TwoStemCodec) -> Tensor:
    """The song as a listener has it: voice rendered, added to the band, all in the band slot; ``[D, T]`` -> ``[D, T]``.

    Magnitudes are added, which is exact where one stem dominates.
    """
    part = latents[None]
    voice = VoiceStream(codec.renderer(), 1).push(*codec.voice_frames_of(part), last=True)
    features = torch.log(codec.band_features_of(part).exp() + band_features(voice).exp() - FLOOR)
    return torch.cat([codec.silent_voice(1, part.shape[2]), codec.encode_features(features)], 1)[0]


def prepare_song(record: SongRecord, codec: TwoStemCodec, config: SongConfig) -> TrainingSong | None:
    """Encode and align one song; none where it cannot be aligned (see ``align``)."""
    assert config.alignment is not None
    lead, block = config.alignment.lead, config.block_size
    seconds = len(record.voice.f0) / 100
    frames = (int(seconds * 25) + lead) // block * block
    try:
        sketch = align(record.annotation, frames, config.alignment, config.lyrics, config.instrumental_seconds)
    except ValueError:
        return None
    clean = stem_latents(record, codec)
    with torch.inference_mode():
        quiet = codec.encode(clean.new_zeros(1, 2, lead * codec.samples_per_frame))[0]
    latents = torch.cat([quiet, clean], 1)[:, :frames]
    # Without a band there is no mixture.
    length = min(MIXTURE_FRAMES, clean.shape[1]) if record.band is not None else 0
    middle = (clean.shape[1] - length) // 2
    return TrainingSong(
        sketch=sketch,
        latents=latents.T.half(),
        clean=clean.T.half(),
        mixture=mixture_latents(clean[:, middle : middle + length], codec).T.half() if length else clean.T[:0].half(),
        style=record.annotation.style,
        voice=record.annotation.voice,
    )


def _store(songs: list[TrainingSong], path: Path) -> None:
    tensors: dict[str, Tensor] = {}
    notes = []
    for i, song in enumerate(songs):
        for name in ("latents", "clean", "mixture"):
            tensors[f"{i}/{name}"] = getattr(song, name).contiguous()
        for name in _ARRAYS:
            tensors[f"{i}/{name}"] = torch.from_numpy(getattr(song.sketch, name)).to(torch.int16)
        tensors[f"{i}/ids"] = torch.tensor(song.sketch.ids, dtype=torch.int16)
        notes.append({"tempo": song.sketch.tempo, "key": song.sketch.key, "style": song.style, "voice": song.voice})
    partial = path.with_suffix(".part")
    save_file(tensors, partial, metadata={"songs": json.dumps(notes)})
    partial.replace(path)


def _read(path: Path) -> list[TrainingSong]:
    songs = []
    with safe_open(path, framework="pt") as file:
        for i, note in enumerate(json.loads(file.metadata()["songs"])):
            arrays = {name: file.get_tensor(f"{i}/{name}").long().numpy() for name in _ARRAYS}
            ids = tuple(int(symbol) for symbol in file.get_tensor(f"{i}/ids"))
            sketch = AlignedSketch(ids=ids, tempo=note["tempo"], key=note["key"], **arrays)
            latents, clean, mixture = (file.get_tensor(f"{i}/{name}") for name in ("latents", "clean", "mixture"))
            songs.append(TrainingSong(sketch, latents, clean, mixture, note["style"], note["voice"]))
    return songs


def prepare_corpus(corpus: Path, cache: Path, codec: TwoStemCodec, config: SongConfig) -> list[Path]:
    """Prepare the shards of a corpus that are not yet in ``cache``; songs that cannot be aligned are left out."""
    assert {field.name for field in fields(AlignedSketch)} == {*_ARRAYS, "ids", "tempo", "key"}
    cache.mkdir(parents=True, exist_ok=True)
    paths = []
    for stem in shard_stems(corpus):
        path = cache / f"{stem.name}.safetensors"
        if not path.exists():
            songs = []
            for record in read_shard(stem):
                song = prepare_song(record, codec, config)
                if song is not None:
                    songs.append(song)
            _store(songs, path)
        paths.append(path)
    return paths


def load_songs(
    corpus: Path, cache: Path, codec: TwoStemCodec, config: SongConfig, voices: tuple[Path, Path] | None = None
) -> Songs:
    """All songs of a corpus folder, prepared in ``cache``; ``voices``: folder and cache of songs without bands.

    Raises ``ConfigError`` where songs of the corpus itself have no band.
    """
    songs = [song for path in prepare_corpus(corpus, cache, codec, config) for song in _read(path)]
    bare = sum(not song.accompanied for song in songs)
    if bare:
        raise ConfigError(f"{corpus}: {bare} of its songs have no band: make it without --stems and --voices-only")
    if voices is not None:
        songs += [song for path in prepare_corpus(*voices, codec, config) for song in _read(path)]
    return Songs(songs, config)
