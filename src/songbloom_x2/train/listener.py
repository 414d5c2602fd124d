"""Fits the recognisers of style and voice on a corpus: bands as they were played, voices after the model's codec.

Voices go through the codec since its renderer has a sound of its own. Bands need not: of the twenty named styles as the
codec decodes them, the listener that was fitted on bands as they were played recognises nineteen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.codec.voice_renderer import VoiceStream
from songbloom_x2.evaluate.recognition import Recogniser, fit_recogniser, style_features, voice_features
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.train.corpus.record import BAND_RATE, SongRecord, read_shard, shard_stems
from songbloom_x2.train.corpus.voice_params import FRAME_RATE as VOICE_RATE
from songbloom_x2.types import FloatArray, Waveform

HEARD_SECONDS = 24.0
"""So much of each song is heard, from its middle."""
PARTS = ((0.0, 8.0), (8.0, 16.0), (16.0, 24.0), (0.0, 24.0))
"""Stretches of it that a recogniser is fitted on, in seconds: prompts are short, songs are longer."""
WHOLE = ((0.0, 24.0),)
SHORTEST = 6.0


@dataclass(frozen=True)
class HeardSongs:
    """Features of stretches of ``songs`` songs, with their labels; ``voice`` holds those with singing only."""

    songs: int
    style: FloatArray
    styles: tuple[str, ...]
    voice: FloatArray
    voices: tuple[str, ...]


@torch.inference_mode()
def _heard(record: SongRecord, codec: TwoStemCodec) -> tuple[Waveform, Waveform]:
    """Voice, after the codec, and band of the stretch in the song's middle."""
    assert record.band is not None
    frames = len(record.voice.f0)
    length = min(round(HEARD_SECONDS * VOICE_RATE), frames)
    first = (frames - length) // 2
    part = slice(first, first + length)
    bands, f0, voiced = (
        torch.from_numpy(x[part])[None] for x in (record.voice.bands, record.voice.f0, record.voice.voiced)
    )
    latents = codec.encode_voice(bands.float(), f0.float(), voiced)
    # The voice's frames stand in front of the band's, which are not asked for.
    sung = VoiceStream(codec.renderer(), 1).push(*codec.voice_frames_of(latents), last=True)
    samples = round(BAND_RATE / VOICE_RATE)
    band = record.band[:, first * samples : (first + length) * samples].astype(np.float32) / np.float32(32767)
    return Waveform(sung[0].numpy(), codec.sample_rate), Waveform(band, BAND_RATE)


def heard_songs(
    corpora: Sequence[Path],
    codec: TwoStemCodec,
    songs: int | None = None,
    parts: Sequence[tuple[float, float]] = PARTS,
) -> HeardSongs:
    """Features of the first ``songs`` songs whose band was kept, of each of ``parts`` that is long enough."""
    rows: dict[str, list[FloatArray]] = {"style": [], "voice": []}
    labels: dict[str, list[str]] = {"style": [], "voice": []}
    done = 0
    for record in _records(corpora):
        if done == songs:
            break
        done += 1
        note = record.annotation
        voice, band = _heard(record, codec)
        for start, end in parts:
            heard, sung = _stretch(band, start, end), _stretch(voice, start, end)
            # Of a song that is shorter than any stretch, all of it is heard.
            if heard.seconds < SHORTEST and start > 0:
                continue
            rows["style"].append(style_features(heard))
            labels["style"].append(note.style)
            found = voice_features(sung)
            if found.any() and note.lines:
                rows["voice"].append(found)
                labels["voice"].append(note.voice)
    return HeardSongs(
        done, np.stack(rows["style"]), tuple(labels["style"]), np.stack(rows["voice"]), tuple(labels["voice"])
    )


def _records(corpora: Sequence[Path]) -> Iterator[SongRecord]:
    """Songs whose band was kept."""
    for corpus in corpora:
        for stem in shard_stems(corpus):
            yield from (record for record in read_shard(stem) if record.band is not None)


def _stretch(waveform: Waveform, start: float, end: float) -> Waveform:
    rate = waveform.sample_rate
    return Waveform(waveform.samples[:, round(start * rate) : round(end * rate)], rate)


def accuracy(recogniser: Recogniser, features: FloatArray, labels: tuple[str, ...]) -> float:
    """Share of the rows that are recognised."""
    return float(np.mean([recogniser(row) == label for row, label in zip(features, labels, strict=True)]))


def fit_listener(songs: HeardSongs, source: str) -> Listener:
    """Both recognisers."""
    return Listener(fit_recogniser(songs.style, songs.styles), fit_recogniser(songs.voice, songs.voices), source)
