"""The renderer's view of the aligned sketch: one row of small integers a frame, complete in itself.

The engine appends a row as each frame is drawn, training describes whole songs at once; both by ``describe``, so that
they cannot differ. Nothing here knows a network.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.score import LyricScore
from songbloom_x2.config import FRAME_RATE, AlignmentConfig

COLUMNS = ("current", "pitch", "pointer", "before", "next", "after", "gap", "chord", "beat", "tick")
"""Phoneme sung (``P``: none), pitch, phonemes begun, the neighbouring phonemes of the lyrics (``P + 1``: none), what
separates this one from the next (see ``LyricScore.gap``, at most 3), chord, eighth of the bar, tick of the bar."""

VIBRATO_HERTZ = 5
"""A whole number, so that every second of a song begins in the same phase."""
VIBRATO_AFTER, VIBRATO_RISE, VIBRATO_FALL = 8, 6, 3
"""Frames of a note before vibrato begins (0.32 s), until it is full (0.24 s), and in which it fades (0.12 s)."""


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


def sung_pitch(
    window: Tensor, config: AlignmentConfig, block: int, sub_frames: int, frame: Tensor | None = None
) -> Tensor:
    """The melody of a block's latents in MIDI numbers, gliding from note to note: ``[B, block, sub_frames]``.

    The sketch's pitch, held through what is not sung, under a Hann window of 90 ms at four sub-frames a frame; the
    window looks into the frames around the block, so that neighbouring blocks meet. Held notes get the configuration's
    vibrato; ``frame`` ``[B]`` is the song's frame after the window's last (0 where it is left out), which gives the
    vibrato one phase for the whole song.
    """
    pitch = window[..., COLUMNS.index("pitch")]
    length = pitch.shape[1]
    sung = pitch < config.layout.pitches
    index = torch.arange(length, device=pitch.device).expand_as(pitch)
    before = torch.where(sung, index, -1).cummax(1).values
    after = torch.where(sung, index, length).flip(1).cummin(1).values.flip(1)
    source = torch.where(before >= 0, before, after.clamp(max=length - 1))
    held = torch.where(sung.any(1, keepdim=True), pitch.gather(1, source), config.layout.pitches // 2)
    smooth = _smoothed((held + config.layout.lowest_pitch).float().repeat_interleave(sub_frames, 1), sub_frames)
    if config.vibrato_semitones:
        smooth = smooth + _vibrato(window, held, config, sub_frames, frame)
    end = length - config.lead
    melody: Tensor = smooth.view(-1, length, sub_frames)[:, end - block : end]
    return melody


def _smoothed(fine: Tensor, sub_frames: int) -> Tensor:
    """``[B, n]`` under a Hann window of two frames and a bit."""
    hann = torch.hann_window(2 * sub_frames + 3, periodic=False, device=fine.device)[1:-1]
    kernel = (hann / hann.sum()).view(1, 1, -1)
    padded = torch.nn.functional.pad(fine.unsqueeze(1), (sub_frames, sub_frames), mode="replicate")
    out: Tensor = torch.nn.functional.conv1d(padded, kernel).squeeze(1)
    return out


def _vibrato(window: Tensor, held: Tensor, config: AlignmentConfig, sub_frames: int, frame: Tensor | None) -> Tensor:
    """Semitones to add, ``[B, T * sub_frames]``: late in a phoneme held on one note, gone before the next.

    ``held`` ``[B, T]`` is the pitch, drawn through what is not sung.
    """
    size, length = held.shape
    index = torch.arange(length, device=held.device).expand_as(held)
    parts = torch.stack([held, window[..., COLUMNS.index("current")], window[..., COLUMNS.index("pointer")]], -1)
    changed = (parts[:, 1:] != parts[:, :-1]).any(-1)
    edge = torch.ones_like(changed[:, :1])
    begin = torch.where(torch.cat([edge, changed], 1), index, 0).cummax(1).values
    end = torch.where(torch.cat([changed, edge], 1), index, length - 1).flip(1).cummin(1).values.flip(1)
    part = (torch.arange(sub_frames, device=held.device) + 0.5) / sub_frames
    since = ((index - begin).unsqueeze(2) + part).flatten(1)
    until = ((end - index).unsqueeze(2) + 1 - part).flatten(1)
    rise = ((since - VIBRATO_AFTER) / VIBRATO_RISE).clamp(0, 1) * (until / VIBRATO_FALL).clamp(0, 1)
    first = (frame if frame is not None else held.new_zeros(size)).unsqueeze(1) - length
    # Counted in whole periods of a second, so that float32 stays exact however long the song is.
    seconds = ((first + index) % FRAME_RATE).float() / FRAME_RATE
    time = (seconds.unsqueeze(2) + part / FRAME_RATE).flatten(1)
    wave = torch.sin(2 * math.pi * VIBRATO_HERTZ * time)
    return config.vibrato_semitones * rise * wave
