"""The best of several takes, by what can be measured without a listener."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from songbloom_x2.editing.likelihood import log_likelihood
from songbloom_x2.editing.memory import opened
from songbloom_x2.evaluate.sound import clipped, silence
from songbloom_x2.manifest import rescored
from songbloom_x2.request_checks import requested_sampling
from songbloom_x2.types import Song, SongRequest
from songbloom_x2.workshop import Workshop

MOST = 16
WEIGHTS: Mapping[str, float] = {"likelihood": 1.0, "repetition": -2.0, "clipping": -50.0, "silence": -2.0}
"""How much one unit of each counts: log-probability a frame, share of repeated words of tokens, shares of samples."""
_NGRAM = 8


def best_of(workshop: Workshop, songs: Sequence[Song]) -> Song:
    """The song of the highest score; all scores go into its manifest, in the order of ``songs``."""
    scores = [scored(workshop, song) for song in songs]
    best = max(range(len(songs)), key=lambda index: scores[index]["score"])
    told = [{"seed": song.manifest["seed"], **score} for song, score in zip(songs, scores, strict=True)]
    return rescored(songs[best], {"taken": best, "of": told, "weights": dict(WEIGHTS)})


def scored(workshop: Workshop, song: Song) -> dict[str, Any]:
    """What was measured, and ``score``, the sum of all by their weights.

    ``likelihood``: how likely the model finds the sketch that it sang, words included, a frame; ``repetition``: share
    of eight tokens in a row that came before; ``clipping``: share of samples at full scale; ``silence``: of silence.
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
    measured = {
        "likelihood": total / frames if math.isfinite(total) else -100.0,
        "repetition": 1 - len(set(words)) / len(words) if words else 0.0,
        "clipping": clipped(song.waveform),
        "silence": silence(song.waveform)[0],
    }
    score = sum(WEIGHTS[name] * value for name, value in measured.items())
    return {"score": round(score, 4), **{name: round(value, 5) for name, value in measured.items()}}
