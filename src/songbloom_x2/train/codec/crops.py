"""Random stretches of the corpus' band stems, for training the band decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from songbloom_x2.codec.mel import HOP, feature_margin
from songbloom_x2.errors import ConfigError

PcmArray = npt.NDArray[np.int16]


def open_songs(folder: Path, pattern: str = "*.npy") -> list[PcmArray]:
    """Memory maps of every band stem in ``folder``: int16 ``[N, 2]`` at 48 kHz each, sorted by name."""
    songs = [np.load(path, mmap_mode="r") for path in sorted(folder.rglob(pattern))]
    songs = [song for song in songs if song.ndim == 2 and song.shape[1] == 2 and song.dtype == np.int16]
    if not songs:
        raise ConfigError(f"no band stems (int16 [N, 2] .npy) below {folder}: write the corpus with band PCM first")
    return songs


def crop(song: PcmArray, start: int, samples: int) -> Tensor:
    """``samples`` from ``start`` with the features' margin on both sides, silence beyond the ends: ``[2, n]``."""
    margin = feature_margin()
    low, high = start - margin, start + samples + margin
    part = np.asarray(song[max(low, 0) : max(high, 0)], dtype=np.float32).T / 32768
    return torch.from_numpy(np.pad(part, ((0, 0), (max(-low, 0), high - max(low, 0) - part.shape[1]))))


def draw_batch(songs: Sequence[PcmArray], size: int, frames: int, rng: np.random.Generator) -> Tensor:
    """``size`` crops of ``frames`` feature frames from songs drawn by length: ``[B, 2, 480 frames + 2 margin]``."""
    lengths = np.array([len(song) for song in songs], dtype=np.float64)
    chosen = rng.choice(len(songs), size=size, p=lengths / lengths.sum())
    samples = frames * HOP
    starts = [int(rng.integers(0, max(len(songs[index]) - samples, 1))) for index in chosen]
    return torch.stack([crop(songs[index], start, samples) for index, start in zip(chosen, starts, strict=True)])
