"""The best of several takes, by what can be measured without people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.editing.likelihood import log_likelihood
from songbloom_x2.editing.memory import opened
from songbloom_x2.edits.stems import stems
from songbloom_x2.evaluate.phonemes import phoneme_errors
from songbloom_x2.evaluate.sound import clipped, silence
from songbloom_x2.evaluate.transcribe import WHISPER_RATE, Hears
from songbloom_x2.manifest import rescored
from songbloom_x2.request_checks import requested_sampling
from songbloom_x2.types import Song, SongRequest
from songbloom_x2.workshop import Workshop

MOST = 16
WEIGHTS: Mapping[str, float] = {
    "likelihood": 1.0,
    "words": -2.0,
    "repetition": -2.0,
    "clipping": -50.0,
    "silence": -2.0,
}
"""How much one unit of each counts: log-probability a frame, phoneme errors a phoneme, share of repeated words of
tokens, shares of samples."""
_NGRAM = 8
_HAN = re.compile(r"[\u4e00-\u9fff]")


def best_of(workshop: Workshop, songs: Sequence[Song], hears: Hears | None) -> Song:
    """The song of the highest score; all scores go into its manifest, in the order of ``songs``.

    ``hears`` tells which words are heard; none: words are not measured.
    """
    scores = [scored(workshop, song, hears) for song in songs]
    best = max(range(len(songs)), key=lambda index: scores[index]["score"])
    told = [{"seed": song.manifest["seed"], **score} for song, score in zip(songs, scores, strict=True)]
    return rescored(songs[best], {"taken": best, "of": told, "weights": dict(WEIGHTS)})


def scored(workshop: Workshop, song: Song, hears: Hears | None) -> dict[str, Any]:
    """What was measured, and ``score``, the sum of all that could be by their weights.

    ``likelihood``: how likely the model finds the sketch that it sang, words included, a frame; ``words``: phonemes
    heard otherwise than written, a phoneme, in the voice where the codec keeps it apart (none: nobody listened, or
    nothing is sung); ``repetition``: share of eight tokens in a row that came before; ``clipping``: share of samples at
    full scale; ``silence``: of silence.
    """
    assert song.memory is not None
    memory = opened(song.memory)
    request = SongRequest(**song.manifest["request"])
    condition, _ = workshop.conditions(memory.lyrics.ids, memory.style)
    with workshop.scope():
        sampling = requested_sampling(request, workshop.config)
        model, frames = workshop.loaded.model, memory.state.frames
        total = float(log_likelihood(model, condition, sampling, [memory.state], 0, frames)[0])
    tokens = song.tokens.tolist()
    words = [tuple(tokens[first : first + _NGRAM]) for first in range(len(tokens) - _NGRAM + 1)]
    heard = None if hears is None or request.instrumental else _heard(workshop, song, hears)
    measured = {
        "likelihood": total / frames if math.isfinite(total) else -100.0,
        "words": None if heard is None else phoneme_errors(request.lyrics, heard).rate,
        "repetition": 1 - len(set(words)) / len(words) if words else 0.0,
        "clipping": clipped(song.waveform),
        "silence": silence(song.waveform)[0],
    }
    score = sum(WEIGHTS[name] * value for name, value in measured.items() if value is not None)
    told: dict[str, Any] = {name: None if value is None else round(value, 5) for name, value in measured.items()}
    return {"score": round(score, 4), **told, "heard": heard}


def _heard(workshop: Workshop, song: Song, hears: Hears) -> str:
    codec = workshop.codec
    sound = stems(workshop, codec, song)[0] if isinstance(codec, TwoStemCodec) else song.waveform
    language = "zh" if _HAN.search(song.manifest["request"]["lyrics"]) else "en"
    return hears(np.asarray(resample(to_mono(sound), WHISPER_RATE).samples[0]), language)
