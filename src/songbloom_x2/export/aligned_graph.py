"""The embedded model's guide and renderer as graphs: the alignment runs in them, so that it exists only once.

A song's state is one row of seven numbers (the fields of ``AlignmentState``, in their order) and the renderer's window.
"""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

from songbloom_x2.conditioning.alignment import AlignmentConditioner, AlignmentState, Profile
from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.conditioning.score import LyricScore
from songbloom_x2.song_model import SongModel

STATE = tuple(field.name for field in fields(AlignmentState))


class GuideRows(nn.Module):
    """What the state adds to the LM's input."""

    def __init__(self, alignment: AlignmentConditioner) -> None:
        super().__init__()
        self.alignment = alignment

    def forward(
        self,
        state: Tensor,
        classes: Tensor,
        gap: Tensor,
        left: Tensor,
        count: Tensor,
        tempo: Tensor,
        key: Tensor,
        statistics: Tensor,
    ) -> Tensor:
        """``state [N, 7]``, the lyric score (see ``LyricScore``) and the profile -> ``[N, dim]``."""
        score = LyricScore(classes, classes, gap, left, count)
        aligned = AlignmentState(*(part.unsqueeze(1) for part in state.unbind(1)))
        profile = Profile(tempo, key, statistics, key, key)  # the range plays no part here
        return self.alignment.rows(aligned, profile, score)[:, 0]


class GuideChoose(nn.Module):
    """One frame: hidden state and uniform numbers to a token, and the state after it."""

    def __init__(self, alignment: AlignmentConditioner, block_size: int) -> None:
        super().__init__()
        self.alignment, self.block_size = alignment, block_size

    def forward(
        self,
        hidden: Tensor,
        state: Tensor,
        window: Tensor,
        uniforms: Tensor,
        may_end: Tensor,
        temperature: Tensor,
        classes: Tensor,
        gap: Tensor,
        left: Tensor,
        count: Tensor,
        tempo: Tensor,
        lowest: Tensor,
        highest: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Token ``[N]``, state ``[N, 7]`` and window ``[N, context, columns]`` after the frame.

        ``hidden [N, dim]``, ``uniforms [N, 3]`` float64, ``may_end [N]`` bool, ``temperature [1]``.
        """
        score = LyricScore(classes, classes, gap, left, count)
        profile = Profile(tempo, count, tempo, lowest, highest)
        guide = AlignedGuide(self.alignment, profile, score, temperature, self.block_size)
        named = dict(zip(STATE, state.unbind(1), strict=True)) | {"window": window, "statistics": tempo}
        token, after = guide.choose(hidden, named, uniforms, may_end)
        return token, torch.stack([after[name] for name in STATE], dim=1), after["window"]


class AlignedRender(nn.Module):
    """The renderer's window and the prompt's statistics to what the DiT is told."""

    def __init__(self, model: SongModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, window: Tensor, statistics: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Style row ``[N, diff_dim]``, DiT rows ``[N, 2 block, diff_dim]``, known and expected latents.

        The latter ``[N, block, D]``, NaN where nothing is known or expected (see ``RenderCondition``); ``state
        [N, 7]`` is the one after the block's last frame.
        """
        nothing, config = window[:, 0], self.model.config
        told = {"window": window, "statistics": statistics, "frame": state[:, STATE.index("frame")]}
        condition = self.model.render_condition(nothing, nothing, told)
        blank = condition.sketch.new_full((window.shape[0], config.block_size, config.latent_dim), torch.nan)
        known, expected = (blank if part is None else part for part in (condition.known, condition.expected))
        return condition.hidden, condition.sketch, known, expected.clone()
