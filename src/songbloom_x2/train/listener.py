"""Fits the recognisers of style and voice on a corpus, as its songs sound once they were through the model's codec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.evaluate.recognition import Recogniser, fit_recogniser, style_features, voice_features
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.train.corpus.record import SongRecord, read_shard, shard_stems
from songbloom_x2.train.prepare import stem_latents
from songbloom_x2.types import FloatArray, Waveform

PART_SECONDS = 18.0
"""Of each song so much is heard: prompts and generated songs are short too."""


@dataclass(frozen=True)
class HeardSongs:
    """Features of ``N`` songs, with their labels; ``voice`` holds those with singing only."""

    style: FloatArray
    styles: tuple[str, ...]
    voice: FloatArray
    voices: tuple[str, ...]


@torch.inference_mode()
def _heard(record: SongRecord, codec: TwoStemCodec) -> tuple[Waveform, Waveform]:
    """Voice and band of the stretch in the song's middle, after the codec."""
    latents = stem_latents(record, codec)
    length = min(round(PART_SECONDS * FRAME_RATE), latents.shape[1])
    first = (latents.shape[1] - length) // 2
    voice, band = codec.decode_stems(latents[None, :, first : first + length])
    return Waveform(voice[0].numpy(), codec.sample_rate), Waveform(band[0].numpy(), codec.sample_rate)


def heard_songs(corpus: Path, codec: TwoStemCodec, songs: int | None = None) -> HeardSongs:
    """Features of the first ``songs`` songs whose band was kept."""
    rows: dict[str, list[FloatArray]] = {"style": [], "voice": []}
    labels: dict[str, list[str]] = {"style": [], "voice": []}
    done = 0
    for stem in shard_stems(corpus):
        for record in read_shard(stem):
            if done == songs or record.band is None:
                continue
            done += 1
            voice, band = _heard(record, codec)
            note = record.annotation
            rows["style"].append(style_features(band))
            labels["style"].append(note.style)
            found = voice_features(voice)
            if found.any() and note.lines:
                rows["voice"].append(found)
                labels["voice"].append(note.voice)
    return HeardSongs(np.stack(rows["style"]), tuple(labels["style"]), np.stack(rows["voice"]), tuple(labels["voice"]))


def accuracy(recogniser: Recogniser, features: FloatArray, labels: tuple[str, ...]) -> float:
    """Share of the rows that are recognised."""
    return float(np.mean([recogniser(row) == label for row, label in zip(features, labels, strict=True)]))


def fit_listener(songs: HeardSongs, source: str) -> Listener:
    """Both recognisers."""
    return Listener(fit_recogniser(songs.style, songs.styles), fit_recogniser(songs.voice, songs.voices), source)
