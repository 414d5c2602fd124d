"""From noise to latents along the predicted velocity. Solver state is float32 whatever the model computes in.

A solver knows all its evaluation times in advance (``times``), so that time embeddings can be computed once; the
velocity function is told which of them it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from songbloom_x2.config import Objective, SamplingConfig, SongConfig
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


class MidpointSolver:
    """The explicit midpoint rule: two evaluations a step. The state always starts as noise."""

    def __init__(self, steps: int) -> None:
        """``steps`` evaluations, an even number."""
        if steps % 2:
            raise ConfigError(f"steps is {steps}: the midpoint solver takes two evaluations a step; give an even one")
        self._times = tuple(_line(steps))

    @property
    def times(self) -> tuple[float, ...]:
        """Beginnings and middles of the steps."""
        return self._times[:-1]

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        x = noise
        for index in range(0, len(self._times) - 1, 2):
            t, middle, t_next = self._times[index : index + 3]
            half = x + (middle - t) * velocity(x, index)
            x = x + (t_next - t) * velocity(half, index + 1)
        return x


class AdamsBashforthSolver:
    """Two-step Adams-Bashforth on the velocity of rectified flow: one evaluation a step, second order."""

    def __init__(self, steps: int, temperature: float = 1.0) -> None:
        """``steps`` evaluations; ``temperature`` as for :class:`EulerSolver`, spent in the first evaluation."""
        self._start = _Start(steps, temperature)

    @property
    def times(self) -> tuple[float, ...]:
        """Times of the evaluations."""
        return self._start.line[:-1]

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        line = self._start.line
        x, first = self._start.state(velocity, noise)
        before: Tensor | None = None
        for index in range(first, len(line) - 1):
            step = line[index + 1] - line[index]
            v = velocity(x, index)
            if before is None:
                x = x + step * v
            else:
                half = step / (line[index] - line[index - 1]) / 2
                x = x + step * ((1 + half) * v - half * before)
            before = v
        return x


class MultistepSolver:
    """Two-step extrapolation of the predicted data, for either objective (after DPM-Solver++, arXiv 2211.01095).

    Between two times the path is followed exactly for data that stand still; what moves is the prediction, which is
    extrapolated along time from the evaluation before.
    """

    def __init__(self, steps: int, objective: Objective, temperature: float = 1.0) -> None:
        """``steps`` evaluations; ``temperature`` counts for rectified flow only, as for :class:`EulerSolver`."""
        self._objective = objective
        self._start = _Start(steps, temperature if objective == "rectified_flow" else 1.0)

    @property
    def times(self) -> tuple[float, ...]:
        """Times of the evaluations."""
        return self._start.line[:-1]

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents, shaped as ``noise``."""
        line = self._start.line
        keep, add = coefficients(torch.tensor(line, device=noise.device, dtype=torch.float32), self._objective)
        x, first = self._start.state(velocity, noise)
        before: Tensor | None = None
        for index in range(first, len(line) - 1):
            v = velocity(x, index)
            data = x - add[index] * v if self._objective == "rectified_flow" else keep[index] * x - add[index] * v
            seen = data
            if before is not None:
                half = (line[index + 1] - line[index]) / (line[index] - line[index - 1]) / 2
                seen = data + half * (data - before)
            shrink = add[index + 1] / add[index]
            if index + 2 == len(line):
                return seen
            x = shrink * x + (keep[index + 1] - keep[index] * shrink) * seen
            before = data
        return x


class _Start:
    """Where a multistep solver begins: at noise, or as released at a first guess from silence mixed with noise."""

    def __init__(self, steps: int, temperature: float) -> None:
        self._cold = temperature < 1 and steps > 1
        self.line = tuple(_line(steps))
        if self._cold:
            rest = torch.linspace(temperature, 0, steps, device="cpu")
            self.line = (1.0, *(float(t) for t in rest))

    def state(self, velocity: VelocityAt, noise: Tensor) -> tuple[Tensor, int]:
        """The state, and the index of the next evaluation."""
        if not self._cold:
            return noise, 0
        silence = torch.zeros_like(noise)
        t = self.line[1]
        return (1 - t) * (silence - velocity(silence, 0)) + t * noise, 1


def build_solver(config: SongConfig, sampling: SamplingConfig) -> Solver:
    """The solver that the settings name; the released one follows from the model's objective."""
    objective, steps = config.diffusion_objective, sampling.steps
    if sampling.solver == "multistep":
        return MultistepSolver(steps, objective, sampling.diff_temperature)
    if sampling.solver == "released":
        return DdimSolver(steps) if objective == "v" else EulerSolver(steps, sampling.diff_temperature)
    if objective == "v":
        raise ConfigError(f"solver '{sampling.solver}': for rectified flow only; ask for released or multistep")
    if sampling.solver == "ab2":
        return AdamsBashforthSolver(steps, sampling.diff_temperature)
    if sampling.solver != "midpoint":
        raise ConfigError(f"solver '{sampling.solver}' is unknown; known are released, midpoint, ab2 and multistep")
    if sampling.diff_temperature < 1:
        raise ConfigError("solver 'midpoint': starts from all of the noise; set diff_temperature to 1")
    return MidpointSolver(steps)
