"""Several styles as one: weighted sums of what stands for each, on the line between them or on the sphere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SAME = 1e-4
"""Sine of an angle (in radians) under which a sphere is a line."""


def blended(values: Sequence[Tensor], weights: Sequence[float], *, spherical: bool = False) -> Tensor:
    """Sum of ``values`` (of one shape) by ``weights`` that sum to 1.

    ``spherical``: of two values, turned from one to the other, so that the length goes from one's to the other's
    where a straight line would cut the corner.
    """
    if spherical and len(values) == 2:
        weights = _turned(values[0], values[1], weights[1])
    total = values[0] * weights[0]
    for value, weight in zip(values[1:], weights[1:], strict=True):
        total = total + value * weight
    return total


def _turned(first: Tensor, second: Tensor, share: float) -> tuple[float, float]:
    one, other = first.flatten().double(), second.flatten().double()
    cosine = torch.dot(one, other) / (one.norm() * other.norm()).clamp(min=1e-12)
    angle = float(torch.arccos(cosine.clamp(-1, 1)))
    sine = float(torch.sin(torch.tensor(angle, dtype=torch.float64)))
    if sine < _SAME:
        return 1 - share, share
    turn = torch.sin(torch.tensor([(1 - share) * angle, share * angle], dtype=torch.float64)) / sine
    return float(turn[0]), float(turn[1])


def of_one_length(latents: Sequence[Tensor]) -> list[Tensor]:
    """Prompts ``[D, t]`` at the length of the longest, shorter ones begun again."""
    longest = max(part.shape[1] for part in latents)
    return [part.repeat(1, -(-longest // part.shape[1]))[:, :longest] for part in latents]
