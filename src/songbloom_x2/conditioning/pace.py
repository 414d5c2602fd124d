"""How fast the lyric pointer must walk, where a stretch of a song is made again and the song goes on after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from songbloom_x2.conditioning.alignment import DECISIONS, END, NEXT, REST, STAY, AlignmentState

FRAMES_A_PHONEME = 2
"""Frames that a phoneme gets at least, where time is short."""


@dataclass(frozen=True)
class Pace:
    """Until frame ``until`` the pointer must have come to ``pointer``, and not a phoneme further.

    ``held``: the phoneme that sounds there sounds on, so that there may be no rest after it.
    """

    until: int
    pointer: int
    held: bool

    def allowed(self, state: AlignmentState) -> Tensor:
        """Which decisions keep to it, bool ``[B, 4]``; the song does not end in the stretch."""
        left = self.until - state.frame
        missing = self.pointer - state.pointer
        settled = (state.run >= FRAMES_A_PHONEME) | (left <= missing)
        hurried = (missing > 0) & (left <= FRAMES_A_PHONEME * missing)
        allowed = torch.ones(len(state.frame), DECISIONS, dtype=torch.bool, device=state.frame.device)
        allowed[:, NEXT] = missing > 0
        allowed[:, STAY] = ~(hurried & settled)
        allowed[:, REST] = ~hurried & ~((missing <= 0) & self.held)
        allowed[:, END] = False
        return allowed
