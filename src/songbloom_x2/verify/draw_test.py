"""Is a recorded style prompt a random draw? Then its file does not hold what it was made from.

The released code draws a prompt's latents from the encoder's mean and deviation; golden files are meant to hold the
mean. Where a file was made with the draw all the same, its prompt rows, and every generation (which draws again),
cannot be recomputed by anybody; everything after the recorded rows still can.
"""

from __future__ import annotations

import torch
from torch import Tensor

_RESIDUAL = 1e-4
"""Largest distance of recorded rows from the projection's image, for them to be a projection at all (float32)."""

_ROUNDINGS = 4
"""The same in roundings of the type of the weights, where that is coarser."""

_DEVIATIONS = 5.0
"""How far the moments of a normal sample may lie from 0 and 1, in their own standard deviations."""

_FURTHEST = 7.0


def is_draw(rows: Tensor, projection: Tensor, mean: Tensor, deviation: Tensor) -> bool:
    """Whether ``rows [T, dim]`` are the projection ``[dim, D]`` of ``mean + noise * deviation`` (``[D, T]`` both).

    True only where the rows are exactly in the projection's image and the noise that explains them is standard normal:
    neither the mean itself nor rows that are merely wrong pass.
    """
    residual = max(_RESIDUAL, _ROUNDINGS * torch.finfo(projection.dtype).eps * float(rows.abs().max()))
    projection, mean, deviation = projection.double(), mean.double(), deviation.double()
    latents = torch.linalg.lstsq(projection, rows.double().T).solution
    if (projection @ latents - rows.double().T).abs().max() > residual:
        return False
    noise = (latents - mean) / deviation
    count = noise.numel()
    # Of count standard normal values, the sum varies by sqrt(count), the sum of squares by sqrt(2 count).
    centred = noise.sum().abs() < _DEVIATIONS * count**0.5
    scaled = (noise.square().sum() - count).abs() < _DEVIATIONS * (2 * count) ** 0.5
    return bool(centred and scaled and noise.abs().max() < _FURTHEST)
