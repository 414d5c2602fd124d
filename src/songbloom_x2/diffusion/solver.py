"""From noise to latents along the predicted velocity. Solver state is float32 whatever the model computes in.

A solver knows all its evaluation times in advance (``times``), so that time embeddings can be computed once; the
velocity function is told which of them it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from songbloom_x2.config import SamplingConfig, SongConfig
from songbloom_x2.diffusion.flow import coefficients
from songbloom_x2.errors import ConfigError

VelocityAt = Callable[[Tensor, int], Tensor]
"""State ``[..., block, D]`` and index into ``times`` -> velocity of the same shape."""


class Solver(Protocol):
    """What the engine needs of a solver."""

    @property
    def times(self) -> tuple[float, ...]:
        """Time of each velocity evaluation, in order."""
        ...

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        ...


def _line(steps: int) -> list[float]:
    if steps < 1:
        raise ConfigError(f"steps is {steps}: a block takes at least 1 diffusion step")
    # Float32 as in the released sampler: which step crosses the temperature depends on the rounding.
    return [float(t) for t in torch.linspace(1, 0, steps + 1, device="cpu")]


class EulerSolver:
    """Euler steps for rectified flow, equal in time.

    With ``temperature`` below 1 the state starts at zero and the noise enters at the step that crosses that time
    (``diff_temp`` of the format page).
    """

    def __init__(self, steps: int, temperature: float = 1.0) -> None:
        """``steps`` evaluations."""
        self._line = _line(steps)
        self._cold = temperature < 1
        self._temperature = float(torch.tensor(temperature, dtype=torch.float32, device="cpu"))

    @property
    def times(self) -> tuple[float, ...]:
        """Every point of the line but the last."""
        return tuple(self._line[:-1])

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        x = torch.zeros_like(noise) if self._cold else noise
        for index, (t, t_next) in enumerate(zip(self._line[:-1], self._line[1:], strict=True)):
            v = velocity(x, index)
            if self._cold and t > self._temperature >= t_next:
                # As released: the state that started at zero is read as noise-free, hence v and not t * v.
                x = (1 - t_next) * (x - v) + t_next * noise
            else:
                x = x + (t_next - t) * v
        return x


class DdimSolver:
    """DDIM without added noise, for the ``v`` objective."""

    def __init__(self, steps: int) -> None:
        """``steps`` evaluations."""
        self._times = tuple(_line(steps)[:-1])

    @property
    def times(self) -> tuple[float, ...]:
        """Equal steps from 1, 0 left out."""
        return self._times

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        keep, add = coefficients(torch.tensor(self._times, device=noise.device), "v")
        x = noise
        data = noise
        for index in range(len(self._times)):
            v = velocity(x, index)
            data = x * keep[index] - v * add[index]
            if index + 1 < len(self._times):
                x = data * keep[index + 1] + (x * add[index] + v * keep[index]) * add[index + 1]
        return data


def build_solver(config: SongConfig, sampling: SamplingConfig) -> Solver:
    """The released solver of the model's objective."""
    if config.diffusion_objective == "v":
        return DdimSolver(sampling.steps)
    return EulerSolver(sampling.steps, sampling.diff_temperature)
