"""Predictions of several branches as one."""

from __future__ import annotations

from torch import Tensor


def averaged(values: Tensor, weights: Tensor | None) -> Tensor:
    """``values [B, ...]`` with every row the sum of all by ``weights [B]``; as they are where there are no weights."""
    if weights is None:
        return values
    shares = weights.to(values).view(-1, *[1] * (values.dim() - 1))
    return (values * shares).sum(0, keepdim=True).expand_as(values)
