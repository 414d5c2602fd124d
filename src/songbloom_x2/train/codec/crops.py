"""Random stretches of the corpus' band stems, read from the shards where they lie."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from songbloom_x2.codec.mel import HOP, feature_margin
from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus.record import shard_stems

PcmArray = npt.NDArray[np.int16]
FULL_SCALE = 32767


def map_member(path: Path, name: str) -> PcmArray:
    """The int16 array ``name`` of an uncompressed npz as a memory map, so that a crop reads only its own pages."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name + ".npy")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ConfigError(f"{path} is compressed: write the corpus again without compression")
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
        file.seek(name_length + extra_length, 1)
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        if dtype != np.int16:
            raise ConfigError(f"{name} in {path} is {dtype}, not int16: write the corpus again")
        return np.memmap(path, np.int16, "r", offset=file.tell(), shape=shape, order="F" if fortran else "C")


def open_stems(folder: Path, songs: int | None = None) -> list[PcmArray]:
    """Memory maps of the band stems kept in a corpus folder (the first ``songs`` of them): int16 ``[2, N]`` each.

    Raises ``ConfigError`` where none was kept.
    """
    stems: list[PcmArray] = []
    for shard in shard_stems(folder):
        path = shard.with_suffix(".npz")
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith("/band.npy")]
        stems += [map_member(path, name) for name in names]
        if songs is not None and len(stems) >= songs:
            break
    if not stems:
        raise ConfigError(f"no band stems in {folder}: write the corpus with some kept")
    return stems[:songs]


def crop(song: PcmArray, start: int, samples: int) -> Tensor:
    """``samples`` from ``start`` with the features' margin on both sides, silence beyond the ends: ``[2, n]``."""
    margin = feature_margin()
    low, high = start - margin, start + samples + margin
    part = np.asarray(song[:, max(low, 0) : max(high, 0)], dtype=np.float32) / FULL_SCALE
    return torch.from_numpy(np.pad(part, ((0, 0), (max(-low, 0), high - max(low, 0) - part.shape[1]))))


def draw_batch(songs: Sequence[PcmArray], size: int, frames: int, rng: np.random.Generator) -> Tensor:
    """``size`` crops of ``frames`` feature frames from songs drawn by length: ``[B, 2, 480 frames + 2 margin]``."""
    lengths = np.array([song.shape[1] for song in songs], dtype=np.float64)
    chosen = rng.choice(len(songs), size=size, p=lengths / lengths.sum())
    samples = frames * HOP
    starts = [int(rng.integers(0, max(songs[index].shape[1] - samples, 1))) for index in chosen]
    return torch.stack([crop(songs[index], start, samples) for index, start in zip(chosen, starts, strict=True)])
