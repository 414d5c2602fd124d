"""The renderer's view of the aligned sketch: one row of small integers a frame, complete in itself.

The engine appends a row as each frame is drawn, training describes whole songs at once; both by ``describe``, so that
they cannot differ. Nothing here knows a network.
"""

from __future__ import annotations

import torch
from torch import Tensor

from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.score import LyricScore
from songbloom_x2.config import AlignmentConfig

COLUMNS = ("current", "pitch", "pointer", "before", "next", "after", "gap", "chord", "beat", "tick")
"""Phoneme sung (``P``: none), pitch, phonemes begun, the neighbouring phonemes of the lyrics (``P + 1``: none), what
separates this one from the next (see ``LyricScore.gap``, at most 3), chord, eighth of the bar, tick of the bar."""


def describe(
    current: Tensor,
    pitch: Tensor,
    pointer: Tensor,
    chord: Tensor,
    frame: Tensor,
    score: LyricScore,
    tempo: Tensor,
    config: AlignmentConfig,
) -> Tensor:
    """Rows ``[B, T, columns]`` of ``T`` frames; all int64 ``[B, T]`` but ``tempo`` ``[B]``.

    ``pointer`` counts this frame's phoneme; frames before 0 become the row of ``empty_window``.
    """
    sung = current < len(config.layout.phonemes)
    tempo = tempo.unsqueeze(1)
    in_song = frame.clamp(min=0)
    rows = torch.stack(
        [
            current,
            pitch,
            pointer,
            _phoneme_at(score, pointer - sung.long() - 1, config),
            _phoneme_at(score, pointer, config),
            _phoneme_at(score, pointer + 1, config),
            score.gap.gather(1, pointer).clamp(max=3),
            chord,
            clock.beat(in_song, tempo),
            clock.tick(in_song, tempo, config.clock_ticks),
        ],
        -1,
    )
    return torch.where((frame < 0).unsqueeze(-1), _outside(config, rows.device), rows)


def empty_window(size: int, config: AlignmentConfig, device: torch.device | str) -> Tensor:
    """The ``config.context`` frames before a song: ``[B, context, columns]``."""
    return _outside(config, device).expand(size, config.context, -1).clone()


def _outside(config: AlignmentConfig, device: torch.device | str) -> Tensor:
    layout = config.layout
    none = len(layout.phonemes)
    row = [none, layout.pitches, 0, none + 1, none + 1, none + 1, 0, layout.chords, 0, 0]
    return torch.tensor(row, dtype=torch.long, device=device)


def _phoneme_at(score: LyricScore, index: Tensor, config: AlignmentConfig) -> Tensor:
    inside = (index >= 0) & (index < score.count.unsqueeze(1))
    found = score.classes.gather(1, index.clamp(0, score.classes.shape[1] - 1))
    return torch.where(inside, found, len(config.layout.phonemes) + 1)


def run_distances(window: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Frames since each frame's phoneme began and until it ends in the window, at most ``reach``; ``[B, T]`` each."""
    current, pointer = window[..., 0], window[..., 2]
    length = current.shape[1]
    changed = (current[:, 1:] != current[:, :-1]) | (pointer[:, 1:] != pointer[:, :-1])
    edge = torch.ones_like(changed[:, :1])
    index = torch.arange(length, device=changed.device).expand_as(current)
    begin = torch.where(torch.cat([edge, changed], 1), index, 0).cummax(1).values
    end = torch.where(torch.cat([changed, edge], 1), index, length - 1).flip(1).cummin(1).values.flip(1)
    return (index - begin).clamp(max=reach), (end - index).clamp(max=reach)
