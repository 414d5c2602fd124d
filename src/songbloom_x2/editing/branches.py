"""Several conditions for one song: each step's conditional predictions are averaged, of the sketch and of the latents.

The engine sees as many songs as there are conditions; they draw the same numbers from the same averages, so that all of
them are one song. The first is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.config import SamplingConfig
from songbloom_x2.editing.held import HeldGuide
from songbloom_x2.nn.branches import averaged
from songbloom_x2.sketch.guide import FreeGuide, SketchGuide
from songbloom_x2.steps import SongCondition, Steps


def branched(steps: Steps, weights: Sequence[float]) -> Steps:
    """The same steps for a batch whose songs are branches with these weights, which sum to 1."""
    count = len(weights)

    def velocity(noisy: Tensor, time: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        apart = steps.velocity(noisy, time, hidden, sketch, previous)
        shares = torch.tensor(weights, device=apart.device)
        # Halves of guidance, if there are two, each of so many branches.
        return torch.cat([averaged(half, shares) for half in torch.split(apart, count)])

    def guide(conditions: Sequence[SongCondition], sampling: SamplingConfig) -> SketchGuide:
        inner = steps.guide(conditions, sampling)
        assert isinstance(inner, AlignedGuide | FreeGuide | HeldGuide)
        return inner.weighted(weights)

    return dataclasses.replace(steps, velocity=velocity, guide=guide)
