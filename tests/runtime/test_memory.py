"""The estimate against the system's account, the plan within a limit, and advice where memory is used up."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
import torch

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.errors import ConfigError, OutOfMemoryError, RuntimePlanError
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.footprint import module_bytes
from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.runtime.memory import Fitted, estimated, memory_limit, within
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel

CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", ".", ",", "A"), max_len=50),
    prompt=PromptConfig(25),
    codec=OobleckConfig(channels=2),
    sampling=SamplingConfig(steps=3),
    latent_dim=4,
    dim=256,
    num_heads=4,
    hidden_scale=4,
    lm_layers=4,
    diff_layers=2,
    num_pitch=255,
    max_frames=4000,
)
CPU = RuntimeConfig(device="cpu", batch_size=3)


@pytest.fixture(scope="module")
def model() -> SongModel:
    torch.manual_seed(0)
    return SongModel(CONFIG, codec=None).requires_grad_(False)


@pytest.mark.parametrize(
    ("text", "size"), [("6GB", 6 * 10**9), ("800 mb", 8 * 10**8), ("1.5GiB", 3 * 2**29), (" 64KB ", 64_000)]
)
def test_limits(text: str, size: int) -> None:
    assert memory_limit(text) == size


@pytest.mark.parametrize("text", ["6", "much", "-1GB", "0GB", "6TB", ""])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ConfigError, match="give a size such as 6GB"):
        memory_limit(text)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"quantise": "int8"},
        {"quantise": "int8", "kernels": "torch"},
        {"quantise": "int8_weights", "kv_cache": "bfloat16"},
        {"quantise": "int4", "kv_cache": "int8"},
    ],
)
def test_weights_and_cache_are_what_they_become(model: SongModel, settings: dict[str, str]) -> None:
    plan = resolve(dataclasses.replace(CPU, **settings))
    expected = estimated(model, plan, 2, 0, frames=160)
    placed = plan.place(SongModel(CONFIG, codec=None).requires_grad_(False))
    assert module_bytes(placed) == pytest.approx(expected.weights, rel=0.02)
    capacity = 75 + 1 + 11 * 17
    assert plan.steps(placed).new_cache(4, capacity).nbytes == expected.cache


def test_what_is_given_up_and_in_which_order(model: SongModel) -> None:
    alone = estimated(model, resolve(CPU), 1, 0)
    process = within(model, CPU, 10**13)[0].choices[-1]
    assert process.setting == "memory" and "as asked" in process.reason
    base = float(process.value.split()[0]) * 1e9 - estimated(model, resolve(CPU), 3, 0).total
    plan, songs = within(model, CPU, round(base + alone.total + 2e7))
    assert (songs, plan.quantisation) == (1, "none")
    assert "1 instead of 3 side by side" in plan.explain()
    plan, songs = within(model, CPU, round(base + alone.total - 2e7))
    assert plan.quantisation == "int8" and "weights in 8 bits" in plan.explain()
    with pytest.raises(RuntimePlanError, match=r"this model takes at least .* GB .*smaller model"):
        within(model, dataclasses.replace(CPU, memory="64KB"), 64_000)
    # What was asked for by name is kept.
    with pytest.raises(RuntimePlanError, match="takes at least"):
        within(model, dataclasses.replace(CPU, quantise="none"), round(base + alone.total - 2e7))


def test_a_model_is_placed_by_the_plan_that_fits(model: SongModel) -> None:
    fitted = Fitted(dataclasses.replace(CPU, memory="100GB", optimisation="minimal"))
    assert fitted.place(SongModel(CONFIG, codec=None)).sketch.layers[0].attention.o.weight.dtype == torch.float32
    assert fitted.plan is not None and fitted.songs == 3
    tight = Fitted(dataclasses.replace(CPU, memory="100GB", quantise="int8"))
    assert isinstance(tight.place(SongModel(CONFIG, codec=None)).dit.layers[0].mlp.down, KernelLinear)


def test_memory_that_is_used_up_is_one_line_of_advice() -> None:
    plan = resolve(CPU)
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")):
        with pytest.raises(OutOfMemoryError, match="--memory SIZE, --quantise int8, --batch-size 1"), apply(plan):
            raise error
    with pytest.raises(RuntimeError, match="shapes"), apply(plan):
        raise RuntimeError("shapes do not fit")
    with pytest.raises(OutOfMemoryError), apply(plan):
        torch.empty(2**50)


SONG = """
import json, sys
from songbloom_x2.bench.case import Case
from songbloom_x2.bench.worker import measure
found = measure(Case("x", "embedded", 2.56, json.loads(sys.argv[1]), {"steps": 2}))
print(json.dumps([found.estimated_bytes, found.process_peak_bytes]))
"""


@pytest.mark.long
@pytest.mark.parametrize("settings", [{}, {"quantise": "int8"}])
def test_the_estimate_is_near_what_the_system_says(settings: dict[str, str]) -> None:
    """The whole process, the embedded model. Larger models are measured by ``songbloom bench``."""
    command = [sys.executable, "-W", "ignore", "-c", SONG, json.dumps({"device": "cpu", **settings})]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected, used = json.loads(done.stdout.strip().splitlines()[-1])
    assert expected == pytest.approx(used, rel=0.1)
