"""From noise to latents along the velocity, in numpy: the same steps as ``diffusion.solver``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.config import Objective

Array = npt.NDArray[Any]
VelocityAt = Callable[[Array, float], Array]
"""State ``[N, block, D]`` and time -> velocity of the same shape."""


def line(steps: int) -> Array:
    """``steps + 1`` float32 times from 1 down to 0, as ``torch.linspace`` gives them: from both ends, rounded once."""
    step = np.float64(np.float32(-1.0) / np.float32(steps))
    index = np.arange(steps + 1)
    return np.asarray(np.where(index < (steps + 1) // 2, 1.0 + step * index, -step * (steps - index)), np.float32)


def solve(velocity: VelocityAt, noise: Array, objective: Objective, steps: int, temperature: float) -> Array:
    """Latents, shaped as ``noise``."""
    if objective == "v":
        return _ddim(velocity, noise, line(steps)[:-1])
    return _euler(velocity, noise, line(steps), np.float32(temperature))


def _euler(velocity: VelocityAt, noise: Array, times: Array, temperature: np.float32) -> Array:
    cold = temperature < 1
    x = np.zeros_like(noise) if cold else noise
    for t, t_next in pairwise(times):
        v = velocity(x, float(t))
        # As released: the state that started at zero is read as noise-free, hence v and not t * v.
        enters = cold and t > temperature >= t_next
        x = (1 - t_next) * (x - v) + t_next * noise if enters else x + (t_next - t) * v
    return x


def _ddim(velocity: VelocityAt, noise: Array, times: Array) -> Array:
    angle = times * np.float32(np.pi) / np.float32(2)
    keep, add = np.cos(angle), np.sin(angle)
    x = data = noise
    for index, t in enumerate(times):
        v = velocity(x, float(t))
        data = x * keep[index] - v * add[index]
        if index + 1 < len(times):
            x = data * keep[index + 1] + (x * add[index] + v * keep[index]) * add[index + 1]
    return data
