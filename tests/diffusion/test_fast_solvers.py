"""Solvers with few evaluations, on a path whose end is known."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SamplingConfig, SongConfig
from songbloom_x2.diffusion.flow import coefficients
from songbloom_x2.diffusion.guidance import RenderCondition, render_block
from songbloom_x2.diffusion.solver import build_solver
from songbloom_x2.errors import ConfigError

SPREAD = 0.4
"""Data are normal with this deviation, so that the exact velocity and the exact end are known."""


def config(objective):
    return SongConfig("tiny", LyricsConfig(("",)), PromptConfig(), OobleckConfig(), diffusion_objective=objective)


def solved(objective, **settings):
    sampling = SamplingConfig(**({"diff_temperature": 1.0} | settings))
    solver = build_solver(config(objective), sampling)
    calls = []

    def velocity(x, index):
        calls.append(index)
        keep, add = coefficients(torch.tensor(solver.times[index]), objective)
        data = x * keep * SPREAD**2 / (keep**2 * SPREAD**2 + add**2)
        noise = x * add / (keep**2 * SPREAD**2 + add**2)
        return noise - data if objective == "rectified_flow" else keep * noise - add * data

    noise = torch.linspace(-2, 2, 12).view(1, 4, 3)
    latents = solver.solve(velocity, noise)
    assert calls == list(range(len(solver.times))) and len(calls) == sampling.steps
    return float((latents - noise * SPREAD).abs().max())


@pytest.mark.parametrize("solver", ["midpoint", "ab2", "multistep"])
def test_fewer_evaluations_of_the_flow_are_nearer_than_euler(solver):
    assert solved("rectified_flow", solver=solver, steps=12) < 0.5 * solved("rectified_flow", steps=12)


@pytest.mark.parametrize("solver", ["midpoint", "ab2", "multistep"])
def test_second_order(solver):
    """Twice the evaluations, about a quarter of the error."""
    assert solved("rectified_flow", solver=solver, steps=64) < 0.35 * solved("rectified_flow", solver=solver, steps=32)


def test_multistep_of_the_v_objective():
    assert solved("v", solver="multistep", steps=12) < 0.5 * solved("v", steps=12)


@pytest.mark.parametrize("solver", ["ab2", "multistep"])
def test_cold_start_goes_where_the_released_one_goes(solver):
    """From silence mixed with noise: many steps of both ways end at the same latents."""
    sampling = SamplingConfig(steps=400, diff_temperature=0.95)
    ends = []
    for name in ("released", solver):
        made = build_solver(config("rectified_flow"), dataclasses.replace(sampling, solver=name))
        noise = torch.linspace(-1, 1, 12).view(1, 4, 3)
        ends.append(made.solve(lambda x, index: 0.5 * x - 0.1, noise))
    torch.testing.assert_close(ends[0], ends[1], atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("objective", "settings", "message"),
    [
        ("v", {"solver": "ab2"}, "for rectified flow only"),
        ("rectified_flow", {"solver": "midpoint", "steps": 5}, "even"),
        ("rectified_flow", {"solver": "midpoint", "diff_temperature": 0.9}, "diff_temperature"),
        ("rectified_flow", {"solver": "rk45"}, "unknown"),
    ],
)
def test_what_cannot_be_solved_is_refused(objective, settings, message):
    with pytest.raises(ConfigError, match=message):
        solved(objective, **settings)


def test_guidance_on_an_interval_halves_the_work_outside():
    sampling = SamplingConfig(steps=10, diff_temperature=1.0)
    solver = build_solver(config("rectified_flow"), sampling)
    rows = []

    def velocity(noisy, time, hidden, sketch, previous):
        rows.append(len(noisy))
        return noisy * 0

    condition = RenderCondition(torch.ones(1, 5), torch.ones(1, 4, 5))
    noise = torch.zeros(1, 4, 3)
    render_block(velocity, solver, torch.zeros(10, 5), noise, noise, condition, "h", 2.0, None, (0.25, 0.75))
    assert [(t, count) for t, count in zip(solver.times, rows, strict=True) if count == 2] == [
        (t, 2) for t in solver.times if 0.25 <= t <= 0.75
    ]
    assert rows.count(1) == 5
