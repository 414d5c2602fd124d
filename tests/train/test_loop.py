from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from songbloom_x2.errors import CheckpointError
from songbloom_x2.train.gates import Gate
from songbloom_x2.train.loop import LoopConfig, Training, learning_rate

CONFIG = LoopConfig(steps=40, warmup=5, log_every=7, validate_every=20, learning_rate=0.05)


class LineFit:
    """Learns y = 3 x + 1 from points drawn by the step's generator."""

    def __init__(self, module: nn.Linear) -> None:
        self.module = module

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        x = torch.randn(16, 1, generator=generator)
        error = self.module(x) - (3 * x + 1)
        return error.square().mean(), {"largest": float(error.detach().abs().max())}

    def validate(self) -> Mapping[str, float]:
        return {"slope": float(self.module.weight.detach())}


def training(folder: Path, config: LoopConfig = CONFIG) -> Training:
    module = nn.Linear(1, 1)
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    return Training(module, LineFit(module), config, folder)


def test_a_run_that_was_interrupted_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole")
    whole.run()
    training(tmp_path / "parts").run(until=13)
    training(tmp_path / "parts").run(until=14)
    resumed = training(tmp_path / "parts")
    assert resumed.step == 14
    resumed.run()
    for name in whole.named:
        assert torch.equal(whole.named[name], resumed.named[name])
        assert torch.equal(whole.average[name], resumed.average[name])
    first = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)["optimiser"]["state"]
    second = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["optimiser"]["state"]
    assert all(torch.equal(first[0][key], second[0][key]) for key in ("exp_avg", "exp_avg_sq"))


def test_it_learns_and_logs_means_of_what_it_saw(tmp_path: Path) -> None:
    whole = training(tmp_path)
    exported: list[float] = []
    whole.run(export=lambda: exported.append(float(whole.module.weight.detach())))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 40
    assert lines[-1]["loss"] < lines[0]["loss"] / 2
    assert len(exported) == 2
    assert exported[-1] == pytest.approx(lines[-1]["val_slope"], abs=1e-6)
    assert float(whole.module.weight.detach()) != pytest.approx(exported[-1])  # the average is not the last weight


def test_another_schedule_does_not_go_on_from_the_checkpoint(tmp_path: Path) -> None:
    training(tmp_path).run(until=3)
    with pytest.raises(CheckpointError, match="other settings"):
        training(tmp_path, LoopConfig(steps=41, warmup=5))


def test_it_ends_where_its_gates_are_reached_and_stays_ended(tmp_path: Path) -> None:
    gated = replace(CONFIG, gates=(Gate("val_slope", ">=", 0.5),), validate_every=4)
    stopped = training(tmp_path, gated)
    stopped.run()
    assert stopped.finished and 4 <= stopped.step < 40 and stopped.step % 4 == 0
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["val_slope"] >= 0.5 for line in lines if "val_slope" in line][-2:] == [False, True]
    again = training(tmp_path, gated)
    again.run()
    assert again.step == stopped.step
    further = training(tmp_path, replace(gated, gates=(Gate("val_slope", ">=", 0.9),)))
    further.run()
    assert further.step > stopped.step


def test_tensorboard_holds_what_the_log_says(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replace(CONFIG, tensorboard=True)
    training(tmp_path, config).run(until=15)
    training(tmp_path, config).run(until=21)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = {event.step: event.value for event in events.Scalars("loss")}
    assert losses == pytest.approx({line["step"]: line["loss"] for line in lines if "loss" in line}, rel=1e-5)
    assert [event.step for event in events.Scalars("validation/slope")] == [15, 20, 21]


def test_figures_that_come_now_and_then_are_means_over_their_own_steps(tmp_path: Path) -> None:
    run = training(tmp_path, replace(CONFIG, log_every=10))

    class Alternating(LineFit):
        def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
            loss, _ = super().loss(step, generator)
            return loss, {"odd": 1.0} if step % 2 else {"even": 3.0}

    run.objective = Alternating(run.module)  # type: ignore[arg-type]  # a Linear
    run.run(until=10)
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert (line["odd"], line["even"]) == (1.0, 3.0)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(CONFIG, step) for step in range(41)]
    assert rates[4] == max(rates) == CONFIG.learning_rate
    assert rates[-1] == pytest.approx(CONFIG.learning_rate * CONFIG.final_fraction)
    assert all(a >= b for a, b in itertools.pairwise(rates[4:]))
