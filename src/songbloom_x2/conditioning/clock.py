"""The embedded model's bar clock: where in the bar a sketch frame lies, from the tempo alone (four quarters a bar)."""

from __future__ import annotations

import torch
from torch import Tensor

from songbloom_x2.config import FRAME_RATE

EIGHTHS_A_BAR = 8
EIGHTHS_A_SLOT = 4
"""A harmony slot is half a bar: chords change at its border."""


def eighth(frames: Tensor, tempo: Tensor) -> Tensor:
    """Index of the eighth note under the middle of each frame; ``frames`` int64, ``tempo`` in beats a minute."""
    return torch.floor((frames.to(torch.float64) + 0.5) / FRAME_RATE * tempo.to(torch.float64) / 30 + 1e-6).long()


def bar(frames: Tensor, tempo: Tensor) -> Tensor:
    """Index of the bar."""
    return eighth(frames, tempo) // EIGHTHS_A_BAR


def beat(frames: Tensor, tempo: Tensor) -> Tensor:
    """Eighth within the bar, 0 to 7."""
    return eighth(frames, tempo) % EIGHTHS_A_BAR


def tick(frames: Tensor, tempo: Tensor, ticks: int) -> Tensor:
    """Position within the bar in ``ticks`` equal parts."""
    bars = (frames.to(torch.float64) + 0.5) / FRAME_RATE * tempo.to(torch.float64) / 240 + 1e-6
    return torch.floor(bars * ticks).long() % ticks


def slot(frames: Tensor, tempo: Tensor) -> Tensor:
    """Index of the harmony slot (half a bar) of each frame."""
    return eighth(frames, tempo) // EIGHTHS_A_SLOT


def leading_slot(frames: Tensor, tempo: Tensor) -> Tensor:
    """Index of the harmony slot an eighth later: its chord is decided before its first note is drawn."""
    return (eighth(frames, tempo) + 1) // EIGHTHS_A_SLOT
