"""Means with their uncertainty, from per-song values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def summary(values: Sequence[float], weights: Sequence[float] | None = None, seed: int = 0) -> dict[str, float | int]:
    """Weighted mean, half the width of its 95 % interval (bootstrap over songs), and the number of songs.

    Without values the mean is NaN and ``n`` 0.
    """
    if not values:
        return {"mean": float("nan"), "ci95": float("nan"), "n": 0}
    data = np.asarray(values, dtype=np.float64)
    weight = np.ones_like(data) if weights is None else np.asarray(weights, dtype=np.float64)
    total = weight.sum()
    mean = float((data * weight).sum() / total) if total else float("nan")
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(data), (RESAMPLES, len(data)))
    sums = weight[chosen].sum(1)
    means = (data[chosen] * weight[chosen]).sum(1) / np.where(sums > 0, sums, 1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"mean": round(mean, 4), "ci95": round(float(high - low) / 2, 4), "n": len(data)}
