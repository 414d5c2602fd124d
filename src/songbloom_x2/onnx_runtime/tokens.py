"""Tokens of a model without alignment, in numpy: penalty, temperature, top-k or top-p (``sketch.sampling``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.config import SamplingConfig

Array = npt.NDArray[Any]


def draw_token(logits: Array, uniform: float, sampling: SamplingConfig) -> int:
    """One token from ``logits [n]`` and a number in [0, 1)."""
    if not sampling.use_sampling or sampling.temperature <= 0:
        return int(logits.argmax())
    wide = logits.astype(np.float64)
    likely = np.exp((wide - wide.max()) / sampling.temperature)
    likely /= likely.sum()
    if sampling.top_p > 0:
        likely = _top_p(likely, sampling.top_p)
    elif sampling.top_k > 0:
        least = np.partition(likely, -min(sampling.top_k, len(likely)))[-min(sampling.top_k, len(likely))]
        likely = np.where(likely >= least, likely, 0.0)
    return draw_index(likely, uniform)


def draw_index(probabilities: Array, uniform: float) -> int:
    """Inverse-CDF draw; an index of probability 0 is never drawn."""
    cumulative = probabilities.astype(np.float64).cumsum()
    return min(int((cumulative <= uniform * cumulative[-1]).sum()), len(probabilities) - 1)


def penalised(logits: Array, recent: Array, penalty: float) -> Array:
    """``logits [n]`` with those of ``recent`` tokens divided by ``penalty``; the last one, EOS, never."""
    hit = np.zeros(len(logits), dtype=bool)
    hit[recent] = True
    hit[-1] = False
    return np.where(hit, logits / np.float32(penalty), logits)


def _top_p(likely: Array, p: float) -> Array:
    order = np.argsort(-likely, kind="stable")
    ordered = likely[order]
    before = ordered.cumsum() - ordered
    kept = np.zeros_like(likely)
    kept[order] = np.where(before > p, 0.0, ordered)
    return kept
