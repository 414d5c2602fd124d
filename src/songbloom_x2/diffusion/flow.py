"""The path between data and noise: t = 0 is data, t = 1 is noise, for every objective.

``rectified_flow``: x_t = (1 - t) x0 + t noise, velocity = noise - x0.
``v``: x_t = cos(pi t / 2) x0 + sin(pi t / 2) noise, velocity = cos(pi t / 2) noise - sin(pi t / 2) x0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from songbloom_x2.config import Objective


def coefficients(t: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
    """How much data and how much noise is in x_t."""
    if objective == "rectified_flow":
        return 1 - t, t
    return torch.cos(t * math.pi / 2), torch.sin(t * math.pi / 2)


def _as_column(t: Tensor, like: Tensor) -> Tensor:
    return t.view(-1, *(1,) * (like.dim() - 1))


def path(data: Tensor, noise: Tensor, t: Tensor, objective: Objective) -> Tensor:
    """x_t of ``data`` and ``noise [B, ...]`` at times ``t [B]``."""
    keep, add = coefficients(_as_column(t, data), objective)
    return keep * data + add * noise


def target(data: Tensor, noise: Tensor, t: Tensor, objective: Objective) -> Tensor:
    """The velocity that the model should predict at x_t, shaped as ``data``."""
    if objective == "rectified_flow":
        return noise - data
    keep, add = coefficients(_as_column(t, data), objective)
    return keep * noise - add * data


def logit_normal_times(count: int, generator: torch.Generator) -> Tensor:
    """``count`` training times in (0, 1): the logistic of standard normal draws."""
    return torch.sigmoid(torch.randn(count, generator=generator))


def flow_loss(predicted: Tensor, data: Tensor, noise: Tensor, t: Tensor, objective: Objective) -> Tensor:
    """Mean squared velocity error by element, unreduced: the shape of ``data``, float32."""
    return (predicted.float() - target(data, noise, t, objective).float()).square()
