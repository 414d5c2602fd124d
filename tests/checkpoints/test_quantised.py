"""Weights in 8 and 4 bits: written, read without the full ones, and computed with."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.adapters import apply_adapters
from songbloom_x2.checkpoints.convert import convert
from songbloom_x2.checkpoints.load import stored_quantisation
from songbloom_x2.checkpoints.quantised import quantise, stored_kind
from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.stored import StoredInt4, StoredInt8, int4_steps, int8_steps, stored
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel, large_linears
from songbloom_x2.types import LoraChoice

CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", ".", ",", "A"), max_len=5),
    prompt=PromptConfig(4),
    codec=OobleckConfig(channels=4, multipliers=(1, 1), strides=(2, 4)),
    sampling=SamplingConfig(steps=3),
    latent_dim=4,
    dim=128,
    num_heads=2,
    block_size=4,
    hidden_scale=2,
    lm_layers=2,
    diff_layers=2,
    num_pitch=159,
    samples_per_frame=8,
    max_frames=16,
    init_std=0.08,
)


@pytest.fixture
def full(tmp_path):
    torch.manual_seed(1)
    native.save(tmp_path / "full", SongModel(CONFIG).requires_grad_(False), source="a test")
    return tmp_path / "full"


def hidden(plan, model):
    rows = torch.randn(2, 6, CONFIG.dim, generator=torch.Generator().manual_seed(2))
    with torch.no_grad(), apply(plan):
        steps = plan.steps(model)
        cache = steps.new_cache(2, 8)
        steps.prefill(rows[:, :5], torch.tensor([5, 5]), cache)
        return steps.lm_step(rows[:, 5], cache, 6)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_what_is_read_is_what_was_rounded(full, tmp_path, kind):
    convert(full, tmp_path / kind, quantised=kind)
    assert json.loads((tmp_path / kind / "config.json").read_text())["quantised"] == kind
    assert stored_quantisation(tmp_path / kind) == kind and stored_quantisation(full) is None
    expected = quantise(native.load(full).model, kind).state_dict()
    loaded = native.load(tmp_path / kind)
    found = loaded.model.state_dict()
    assert stored_kind(loaded.model) == kind and loaded.source == "a test"
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in expected.items())


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("int8", {"quantise": "int8", "kernels": "torch"}),
        ("int8", {"quantise": "int8", "kernels": "own"}),
        ("int8", {"quantise": "int8_weights"}),
        ("int8", {"quantise": "none"}),
        ("int4", {"quantise": "int4"}),
        ("int4", {"quantise": "none"}),
        ("int4", {"quantise": "int8"}),
    ],
)
def test_it_computes_as_the_full_model_does_when_it_is_rounded(full, tmp_path, kind, settings):
    """Exactly, where the kernel takes the stored numbers; the others round them once more."""
    convert(full, tmp_path / kind, quantised=kind)
    plan = resolve(RuntimeConfig(device="cpu", **settings))
    whole = hidden(resolve(RuntimeConfig(device="cpu")), native.load(full).model)
    read = plan.place(native.load(tmp_path / kind).model.requires_grad_(False))
    found = hidden(plan, read)
    assert float((found - whole).norm() / whole.norm()) < (0.25 if kind == "int4" else 0.06)
    if settings["quantise"] in (kind, "int8_weights") and settings.get("kernels") != "own":
        at_once = plan.place(native.load(full).model.requires_grad_(False))
        assert torch.equal(found, hidden(plan, at_once))


def test_packing_joins_what_is_stored(full, tmp_path):
    convert(full, tmp_path / "small", quantised="int8")
    plan = resolve(RuntimeConfig(device="cpu", packing=True, quantise="none"))
    apart = hidden(resolve(RuntimeConfig(device="cpu")), native.load(tmp_path / "small").model)
    joined = hidden(plan, plan.place(native.load(tmp_path / "small").model.requires_grad_(False)))
    assert torch.allclose(apart, joined, atol=1e-5)


def test_the_rounding():
    weight = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))
    linear = torch.nn.Linear(64, 32)
    linear.weight.data = weight
    eight, four = stored(linear, "int8"), stored(linear, "int4")
    assert isinstance(eight, StoredInt8) and isinstance(four, StoredInt4)
    assert torch.allclose(eight.dense(), weight, atol=float(int8_steps(weight)[1].max()) / 2 + 1e-6)
    assert torch.equal(four.steps(), int4_steps(weight)[0])
    # Half a step, and what bfloat16 takes off the group's zero.
    assert torch.allclose(four.dense(), weight, atol=float(four.tables[..., 0].max()) * 0.5 + 0.02)
    assert torch.equal(eight(weight), torch.nn.functional.linear(weight, eight.dense(), linear.bias))
    odd = torch.nn.Linear(40, 128)
    assert isinstance(stored(odd, "int4"), StoredInt8)


def test_only_the_large_products_are_rounded():
    model = SongModel(CONFIG, codec=None)
    names = {
        f"{next(n for n, m in model.named_modules() if m is parent)}.{name}" for parent, name, _ in large_linears(model)
    }
    assert names == {
        f"{part}.layers.{index}.{layer}"
        for part, attention in (("sketch", ("q", "k", "v", "o")), ("dit", ("qkv", "out")))
        for index in range(2)
        for layer in (*(f"attention.{name}" for name in attention), "mlp.gate", "mlp.up", "mlp.down")
    } | {"sketch.classifier.0", "sketch.classifier.2"}


def test_refusals(full, tmp_path):
    convert(full, tmp_path / "small", quantised="int8")
    with pytest.raises(CheckpointError, match="stored in fewer bits already"):
        convert(tmp_path / "small", tmp_path / "again", quantised="int4")
    with pytest.raises(CheckpointError, match="convert takes the released files"):
        convert(full, tmp_path / "again")
    with pytest.raises(CheckpointError, match="stored in fewer bits: add it to the full model"):
        apply_adapters(native.load(tmp_path / "small").model, "", [LoraChoice("song.safetensors", 1.0)])
    described = json.loads((tmp_path / "small" / "config.json").read_text())
    (tmp_path / "small" / "config.json").write_text(json.dumps({**described, "quantised": "int3"}))
    with pytest.raises(CheckpointError, match="quantised"):
        native.load(tmp_path / "small")


PEAK = """
import sys
from pathlib import Path
from songbloom_x2.bench.memory import forget_peak, peak_bytes
from songbloom_x2.runtime.resident import resident_bytes
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.runtime.footprint import module_bytes
from songbloom_x2.runtime.plan import resolve
import torch
plan = resolve(RuntimeConfig(device="cpu", quantise="int8_weights"))
torch.ones(2, 2) @ torch.ones(2, 2)
forget_peak(torch.device("cpu"))
before = resident_bytes()
loaded = load_model(Path(sys.argv[1]), plan)
print(peak_bytes() - before, module_bytes(loaded.model))
"""


@pytest.mark.long
def test_the_full_weights_are_never_in_memory(tmp_path):
    """By the system's account: loading takes less than the float32 weights alone would."""
    config = dataclasses.replace(CONFIG, dim=768, num_heads=12, hidden_scale=4, lm_layers=8, diff_layers=2)
    torch.manual_seed(1)
    model = SongModel(config)
    whole = sum(parameter.nbytes for parameter in model.parameters())
    native.save(tmp_path / "full", model.requires_grad_(False))
    del model
    convert(tmp_path / "full", tmp_path / "small", quantised="int8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEAK, str(tmp_path / "small")],
        capture_output=True,
        text=True,
        check=True,
    )
    peak, size = map(int, done.stdout.split())
    assert size < 0.35 * whole
    assert peak < 0.75 * whole
