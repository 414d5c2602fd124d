"""Solvers on velocity fields whose answers are known, and the training path that they run along."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from songbloom_x2.config import Objective
from songbloom_x2.diffusion.flow import flow_loss, logit_normal_times, path, target
from songbloom_x2.diffusion.guidance import RenderCondition, render_block
from songbloom_x2.diffusion.solver import DdimSolver, EulerSolver, Solver
from songbloom_x2.errors import ConfigError

GENERATOR = torch.Generator().manual_seed(0)
DATA, NOISE = torch.randn(2, 3, 4, 5, generator=GENERATOR)


def towards_data(solver: Solver, objective: Objective) -> Tensor:
    """The solution where the model knows the data: it predicts the velocity of the line through the state."""

    def velocity(x: Tensor, index: int) -> Tensor:
        t = torch.full((3,), solver.times[index])
        if objective == "rectified_flow":
            return (x - DATA) / t[0]
        angle = t[0] * torch.pi / 2
        noise = (x - torch.cos(angle) * DATA) / torch.sin(angle)
        return target(DATA, noise, t, "v")

    return solver.solve(velocity, NOISE)


@given(st.integers(1, 40))
@settings(deadline=None, max_examples=15)
def test_a_model_that_knows_the_data_arrives_there(steps: int) -> None:
    torch.testing.assert_close(towards_data(EulerSolver(steps), "rectified_flow"), DATA, atol=1e-4, rtol=0)
    torch.testing.assert_close(towards_data(DdimSolver(steps), "v"), DATA, atol=1e-3, rtol=0)


@given(st.integers(1, 40), st.floats(0, 0.999))
@settings(deadline=None, max_examples=25)
def test_cold_noise_enters_once(steps: int, temperature: float) -> None:
    seen: list[bool] = []

    def velocity(x: Tensor, index: int) -> Tensor:
        seen.append(bool(x.any()))
        return torch.zeros_like(x)

    solver = EulerSolver(steps, temperature)
    end = solver.solve(velocity, NOISE)
    entered = next((t for t in (*solver.times[1:], 0.0) if t <= torch.tensor(temperature)), 0.0)
    torch.testing.assert_close(end, entered * NOISE)
    assert seen == [False] * sum(t > torch.tensor(temperature) for t in solver.times) + [True] * (
        len(seen) - sum(t > torch.tensor(temperature) for t in solver.times)
    )


def test_a_border_that_is_met_exactly_counts_as_crossed() -> None:
    # 0.8 in float32 is not 0.8 in float64: the released sampler compares in float32.
    solver = EulerSolver(10, 0.8)
    end = solver.solve(lambda x, index: torch.zeros_like(x), NOISE)
    torch.testing.assert_close(end, solver.times[2] * NOISE)


@pytest.mark.parametrize("kind", [EulerSolver, DdimSolver])
def test_a_solver_needs_steps(kind: type[EulerSolver] | type[DdimSolver]) -> None:
    with pytest.raises(ConfigError, match="steps is 0"):
        kind(0)


@pytest.mark.parametrize("objective", ["rectified_flow", "v"])
def test_the_target_is_the_path_s_direction(objective: Objective) -> None:
    t = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    data, noise = DATA.double(), NOISE.double()
    step = 1e-6
    slope = (path(data, noise, t + step, objective) - path(data, noise, t - step, objective)) / (2 * step)
    scale = 1 if objective == "rectified_flow" else torch.pi / 2
    torch.testing.assert_close(slope / scale, target(data, noise, t, objective), atol=1e-6, rtol=0)
    for end, expected in ((0.0, data), (1.0, noise)):
        torch.testing.assert_close(path(data, noise, torch.full((3,), end).double(), objective), expected)


def test_the_loss_of_a_perfect_prediction_is_zero() -> None:
    t = logit_normal_times(3, torch.Generator().manual_seed(1))
    assert ((t > 0) & (t < 1)).all()
    assert flow_loss(NOISE - DATA, DATA, NOISE, t, "rectified_flow").abs().max() == 0
    assert flow_loss(NOISE, DATA, NOISE, t, "rectified_flow").mean() > 0.1


class Recorder:
    """A velocity function that notes its inputs; the velocity is the mean of the hidden state."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]] = []

    def __call__(self, noisy: Tensor, time: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        self.calls.append((noisy, time, hidden, sketch, previous))
        return hidden.mean(-1)[:, None, None].expand_as(noisy)


def test_guidance_kinds() -> None:
    times = torch.arange(4.0)[:, None].expand(4, 7)
    condition = RenderCondition(torch.full((3, 7), 2.0), torch.ones(3, 4, 7))
    other = RenderCondition(torch.full((3, 7), -1.0), torch.ones(3, 4, 7))
    for guidance, factor, halves, velocity in (
        ("none", 3.0, 1, 2.0),
        ("h", 1.0, 1, 2.0),
        ("h", 3.0, 2, 6.0),
        ("global", 1.0, 1, 2.0),
        ("global", 3.0, 2, -1 + 3 * 3.0),
    ):
        recorder = Recorder()
        found = render_block(recorder, EulerSolver(4), times, NOISE, DATA, condition, guidance, factor, other)
        torch.testing.assert_close(found, NOISE - velocity, atol=1e-5, rtol=0)
        assert len(recorder.calls) == 4
        for index, (noisy, time, hidden, sketch, previous) in enumerate(recorder.calls):
            assert len(noisy) == len(hidden) == len(sketch) == 3 * halves
            assert torch.equal(previous, DATA.repeat(halves, 1, 1))
            assert (time == index).all()
            if guidance == "h" and halves == 2:
                assert not hidden[3:].any() and not sketch[3:].any()
                assert torch.equal(noisy[:3], noisy[3:])
            if index == 0:
                assert torch.equal(noisy, NOISE.repeat(halves, 1, 1))


def test_what_is_expected_draws_the_result_and_what_is_known_replaces_it() -> None:
    times = torch.arange(4.0)[:, None].expand(4, 7)
    hidden, sketch = torch.full((3, 7), 2.0), torch.ones(3, 4, 7)

    def rendered(condition: RenderCondition) -> Tensor:
        return render_block(Recorder(), EulerSolver(4), times, NOISE, DATA, condition, "none", 1.0)

    plain = rendered(RenderCondition(hidden, sketch))
    expected, known = torch.full_like(NOISE, torch.nan), torch.full_like(NOISE, torch.nan)
    expected[..., :2], known[..., 1:2] = 5.0, 7.0
    found = rendered(RenderCondition(hidden, sketch, known, expected, 0.25))
    torch.testing.assert_close(found[..., 0], 0.75 * plain[..., 0] + 0.25 * 5.0)
    assert (found[..., 1] == 7.0).all()
    assert torch.equal(found[..., 2:], plain[..., 2:])
