"""Drawing an index from a distribution with a given uniform number, so that whoever owns the numbers owns the song."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_index(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Inverse-CDF draw.

    ``probabilities`` ``[B, n]`` (non-negative, need not sum to 1), ``uniforms`` ``[B]`` in [0, 1) -> int64 ``[B]``.
    Sums run in float64, so that neither batch nor precision moves a draw; an index of probability 0 is never drawn.
    """
    if probabilities.device.type == "mps":
        # Apple's GPUs have no float64.
        return draw_index(probabilities.cpu(), uniforms.cpu()).to(probabilities.device)
    cumulative = probabilities.to(torch.float64).cumsum(-1)
    threshold = uniforms.to(torch.float64).unsqueeze(-1) * cumulative[..., -1:]
    return (cumulative <= threshold).sum(-1).clamp(max=probabilities.shape[-1] - 1)
