"""A song's state, cut at a border of blocks, ready for the engine to go on from."""

from __future__ import annotations

from dataclasses import replace

import torch

from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import SongState
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition


def cut(state: SongState, frames: int) -> SongState:
    """The first ``frames`` of a song (a multiple of the block); its random numbers begin anew, from the task's seed."""
    trail = {name: values[: frames + 1] for name, values in state.trail.items()}
    nothing = torch.zeros(0, dtype=torch.uint8)
    return SongState(state.tokens[:frames], state.latents[:, :frames], nothing, {}, trail, "")


def resumed(model: SongModel, state: SongState, condition: SongCondition, sampling: SamplingConfig) -> SongState:
    """``state`` with the guide's own memory of it, as the song's lyrics are now: those after the cut may be others."""
    guide = model.guide([condition], sampling)
    if not isinstance(guide, AlignedGuide) or not state.frames:
        return state
    return replace(state, guide=guide.recalled(state.trail))
