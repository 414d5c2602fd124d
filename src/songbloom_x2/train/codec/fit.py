"""Fits the two whitenings of the two-stem codec on a corpus: mean, leading components and their scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from songbloom_x2.codec.mel import band_features
from songbloom_x2.codec.two_stem import TwoStemCodec, resting
from songbloom_x2.codec.whitening import CovarianceSum, Whitening
from songbloom_x2.errors import CheckpointError
from songbloom_x2.train.codec.crops import FULL_SCALE, PcmArray
from songbloom_x2.train.corpus.record import read_shard, shard_stems
from songbloom_x2.train.corpus.voice_params import silence

PREFIXES = ("voice_whitening.", "band_whitening.")
SILENCE_KEPT = 0.15
"""Share of the rows without any voice that count: most of a song has none, and there is little to say of it."""


@dataclass(frozen=True)
class FitReport:
    """Rows seen, and what is lost: root mean square in dB of what the components leave out of a value."""

    voice_rows: int
    band_rows: int
    voice_residual_db: float
    band_residual_db: float


def fit_whitenings(codec: TwoStemCodec, folder: Path, stems: list[PcmArray], seed: int = 0) -> FitReport:
    """Fit both whitenings of ``codec`` in place, the voice's on every shard in ``folder``, the band's on ``stems``."""
    rng = np.random.default_rng(seed)
    voice, band = CovarianceSum(len(codec.voice_whitening.mean)), CovarianceSum(len(codec.band_whitening.mean))
    quiet = torch.from_numpy(silence(1))[0]
    for shard in shard_stems(folder):
        for song in read_shard(shard, band=False):
            frames, voiced = torch.from_numpy(song.voice.bands), torch.from_numpy(song.voice.voiced)
            frames = resting(frames.unsqueeze(0), voiced.unsqueeze(0), codec.config.harmonic_bands)[0]
            rows = _stacked(frames, codec.config.sub_frames)
            silent = (rows - quiet.repeat(codec.config.sub_frames)).abs().amax(1) < 0.05
            kept = ~silent.numpy() | (rng.random(len(rows)) < SILENCE_KEPT)
            voice.add(rows[torch.from_numpy(kept)])
    for stem in stems:
        audio = torch.from_numpy(np.asarray(stem, dtype=np.float32) / FULL_SCALE)
        whole = audio[:, : audio.shape[1] // codec.samples_per_frame * codec.samples_per_frame]
        band.add(_stacked(band_features(whole.unsqueeze(0))[0], codec.config.sub_frames))
    return FitReport(
        voice.count,
        band.count,
        _residual(voice.fit(codec.voice_whitening), codec.voice_whitening),
        _residual(band.fit(codec.band_whitening), codec.band_whitening),
    )


def save_whitenings(codec: TwoStemCodec, path: Path, metadata: Mapping[str, str]) -> None:
    """Both whitenings' buffers, under the codec's state-dict names, to a safetensors file."""
    state = {name: value.contiguous() for name, value in codec.state_dict().items() if name.startswith(PREFIXES)}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    save_file(state, beside, metadata=dict(metadata))
    beside.replace(path)


def load_whitenings(codec: TwoStemCodec, path: Path) -> None:
    """Read what ``save_whitenings`` wrote into ``codec``. Raises ``CheckpointError`` where it does not fit."""
    wanted = {name: value for name, value in codec.state_dict().items() if name.startswith(PREFIXES)}
    state = load_file(path)
    if {name: value.shape for name, value in state.items()} != {name: value.shape for name, value in wanted.items()}:
        raise CheckpointError(f"{path} does not hold this codec's whitenings: fit them again")
    codec.load_state_dict(state, strict=False)


def _stacked(frames: Tensor, count: int) -> Tensor:
    """``[t, n]`` at 100 Hz to ``[t // count, count n]``."""
    return frames[: len(frames) // count * count].reshape(len(frames) // count, -1)


def _residual(values: Tensor, whitening: Whitening) -> float:
    left_out = values[len(whitening.scale) :].sum() / len(values)
    return float(left_out.sqrt()) * 20 / float(np.log(10))
