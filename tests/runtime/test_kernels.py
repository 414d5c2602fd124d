"""The own kernels against the same arithmetic in torch, and against the model's own step functions."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.config import (
    CacheFormat,
    LyricsConfig,
    OobleckConfig,
    PromptConfig,
    Quantisation,
    RuntimeConfig,
    SamplingConfig,
    SongConfig,
)
from songbloom_x2.engine import Generation, SongTask
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.kernels import build
from songbloom_x2.runtime.kernels.binding import Library, Shape
from songbloom_x2.runtime.kernels.build import built
from songbloom_x2.runtime.kernels.layout import panels, whole_numbers
from songbloom_x2.runtime.kernels.linear import KernelLinear, Kind, agrees
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel

CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", ".", ",", "A"), max_len=5),
    prompt=PromptConfig(4),
    codec=OobleckConfig(),
    sampling=SamplingConfig(steps=3),
    latent_dim=4,
    dim=128,
    num_heads=2,
    block_size=4,
    hidden_scale=2.75,
    lm_layers=2,
    diff_layers=2,
    num_pitch=63,
    max_frames=16,
    init_std=0.08,
)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(built())


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def in_torch(rows: torch.Tensor, weight: torch.Tensor, shape: Shape) -> torch.Tensor:
    """What the kernel computes, with whole numbers in float64."""
    padded = torch.zeros(len(weight), -(-weight.shape[1] // shape.depth) * shape.depth)
    padded[:, : weight.shape[1]] = weight
    numbers, scales = whole_numbers(padded, shape)
    # As the kernel does: times the inverse in float32, to the nearest, halves to the even number.
    largest = rows.abs().amax(-1, keepdim=True)
    inverse = torch.where(largest > 0, shape.levels / largest, 0.0)
    whole = (rows * inverse).round()
    sums = whole.double() @ numbers[:, : weight.shape[1]].double().T
    return sums * (largest.double() / shape.levels) * scales.double()


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9),
    inputs=st.integers(1, 120).map(lambda n: 8 * n),
    outputs=st.integers(1, 60),
    seed=st.integers(0, 9),
    scale=st.sampled_from([1e-20, 1.0, 1e10]),
)
def test_products_are_those_of_the_whole_numbers(rows: int, inputs: int, outputs: int, seed: int, scale: float) -> None:
    library = Library(built())
    weight, x = drawn(outputs, inputs, seed=seed), drawn(rows, inputs, seed=seed + 1) * scale
    expected = in_torch(x, weight, library.shape)
    found = KernelLinear(weight, None, library)(x).double()
    assert torch.allclose(found, expected, rtol=1e-5, atol=float(expected.abs().max()) * 1e-6)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 140), inputs=st.integers(1, 300), outputs=st.integers(1, 60), seed=st.integers(0, 9))
def test_products_in_float32(rows: int, inputs: int, outputs: int, seed: int) -> None:
    library = Library(built())
    weight, bias, x = drawn(outputs, inputs, seed=seed), drawn(outputs, seed=2), drawn(rows, inputs, seed=seed + 1)
    found = KernelLinear(weight, bias, library, "float32")(x).double()
    expected = x.double() @ weight.double().T + bias.double()
    assert torch.allclose(found, expected, atol=2e-6 * float(expected.abs().max()) + 1e-6)


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_row_is_what_it_is_alone(library: Library, kind: Kind) -> None:
    layer, x = KernelLinear(drawn(50, 800), None, library, kind), drawn(133, 800)
    together = layer(x)
    assert all(torch.equal(layer(x[first : first + 1])[0], together[first]) for first in range(len(x)))


@pytest.mark.parametrize("sign", [1, -1])
def test_no_sum_overflows_at_the_worst(library: Library, sign: int) -> None:
    """All weights and rows as large as they can be."""
    weight = torch.ones(30, 1536)
    weight[1::2] *= -1
    weight[:, 5::11] = 0.1
    x = sign * torch.ones(3, 1536)
    found = KernelLinear(weight, None, library)(x)
    assert torch.allclose(found.double(), in_torch(x, weight, library.shape), rtol=1e-5)
    assert torch.allclose(found, x @ weight.T, rtol=0.02)


def test_rows_of_zeros_and_a_bias(library: Library) -> None:
    weight, bias = drawn(25, 32), drawn(25)
    assert torch.equal(KernelLinear(weight, bias, library)(torch.zeros(2, 32)), bias.expand(2, 25))


def test_more_rows_than_wait_at_once(library: Library) -> None:
    weight, x = drawn(48, 800), drawn(300, 800)
    assert torch.allclose(
        KernelLinear(weight, None, library)(x).double(), in_torch(x, weight, library.shape), rtol=1e-5, atol=1e-4
    )


def test_weights_of_half_precision_and_other_shapes_of_rows(library: Library) -> None:
    layer = KernelLinear(drawn(32, 64).bfloat16(), None, library)
    x = drawn(2, 3, 64)
    assert layer(x).shape == (2, 3, 32)
    assert torch.equal(layer(x.transpose(0, 1)), layer(x).transpose(0, 1))
    assert layer.stored_bytes < 0.3 * 4 * 48 * 64 + 8 * 48


@pytest.mark.parametrize("has_dot", [True, False])
def test_the_layout(has_dot: bool) -> None:
    shape = Shape(127 if has_dot else 63, has_dot, 16, 24)
    weight = drawn(30, 40)
    laid = panels(weight, shape)
    assert laid.numbers.shape == (2, 12, 24, 4)
    numbers = laid.numbers.transpose(1, 2).reshape(48, 48)
    assert torch.allclose(numbers[:30, :40] * laid.scales[:30, None], weight, atol=float(laid.scales.max()) / 2)
    assert not numbers[30:].any() and not numbers[:, 40:].any()
    assert torch.equal(numbers.sum(1, dtype=torch.int32), laid.sums)


@pytest.mark.parametrize("quantise", ["int8", "none"])
@pytest.mark.parametrize("kv_cache", ["int8", "model"])
def test_fused_steps_are_the_models_own(kv_cache: CacheFormat, quantise: Quantisation) -> None:
    """The same layers, once called by the model and once as one call; sequences of two lengths."""
    torch.manual_seed(3)
    plan = resolve(RuntimeConfig(device="cpu", kernels="own", quantise=quantise, packing=True, kv_cache=kv_cache))
    model = plan.place(SongModel(CONFIG, codec=None).eval().requires_grad_(False))
    fast = plan.steps(model)
    slow = dataclasses.replace(model.steps(), new_cache=fast.new_cache)
    assert fast.lm_step is not slow.lm_step and fast.velocity is not slow.velocity
    rows = drawn(2, 9, 128)
    found = []
    with torch.no_grad(), apply(plan):
        for steps in (fast, slow):
            cache = steps.new_cache(2, 9)
            steps.prefill(rows[:, :7], torch.tensor([7, 5]), cache)
            hidden = [steps.lm_step(rows[:, 7], cache, 9), steps.lm_step(rows[:, 8], cache, 9)]
            velocity = steps.velocity(drawn(2, 4, 4), drawn(2, 128), drawn(2, 128), drawn(2, 4, 128), drawn(2, 4, 4))
            found.append((*hidden, velocity))
            assert cache.position.tolist() == [9, 7]
            assert cache.layers[0].keys.dtype == (torch.int8 if kv_cache == "int8" else torch.float32)
    for one, other in zip(*found, strict=True):
        # Rounded rows may fall on the other side of a half; float32 differs by the order of sums only.
        tolerance = 2e-6 if (quantise, kv_cache) == ("none", "model") else 1e-4
        assert torch.allclose(one, other, atol=tolerance * float(other.abs().max()))
    with pytest.raises(IndexError), torch.no_grad():
        fast.lm_step(rows[:, 8], cache, 9)


def test_songs_leave_and_join_with_a_small_cache() -> None:
    torch.manual_seed(3)
    plan = resolve(RuntimeConfig(device="cpu", quantise="int8", kernels="own"))
    model = plan.place(SongModel(CONFIG, codec=None).eval().requires_grad_(False))
    steps = plan.steps(model)
    tasks = [SongTask(model.condition([1, 3, 2], None), seed, frames, frames) for seed, frames in ((0, 13), (1, 5))]
    with apply(plan):
        alone = [list(Generation(steps, [task], CONFIG.sampling).blocks()) for task in tasks]
        generation = Generation(steps, tasks[:1], CONFIG.sampling)
        blocks = generation.blocks()
        made = [next(blocks)]
        generation.join(tasks[1])
        made += list(blocks)
    for song, expected in enumerate(alone):
        own = [block for block in made if block.song == song]
        assert [block.tokens.tolist() for block in own] == [block.tokens.tolist() for block in expected]
        for one, other in zip(own, expected, strict=True):
            assert torch.allclose(one.latents, other.latents, atol=0.05)


def test_steps_that_the_kernels_do_not_know_stay() -> None:
    config = dataclasses.replace(CONFIG, num_heads=8, time_cond_type="adaLN")
    plan = resolve(RuntimeConfig(device="cpu", quantise="int8", kernels="own"))
    model = plan.place(SongModel(config, codec=None).eval().requires_grad_(False))
    assert isinstance(model.dit.layers[0].mlp.down, KernelLinear)
    steps = plan.steps(model)
    assert steps.lm_step == model.steps().lm_step and steps.velocity == model.dit.velocity


def test_where_they_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = RuntimeConfig(device="cpu", quantise="int8")
    assert resolve(asked).kernels == "own"
    monkeypatch.setattr(build, "compiler", lambda: None)
    plan = resolve(asked)
    assert (plan.kernels, plan.kv_cache) == ("torch", "float32")
    assert "install g++" in plan.explain()
    with pytest.raises(RuntimePlanError, match=r"kernels 'own': need a C\+\+ compiler"):
        resolve(dataclasses.replace(asked, kernels="own"))
    monkeypatch.setattr(build, "_instructions", set)
    assert build.obstacle() == "need a CPU with AVX2"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernels": "own", "quantise": "int4"}, "kernels 'own': ours are for float32 and int8 on a CPU"),
        ({"kernels": "own", "optimisation": "minimal"}, "kernels 'own': ours have weights of their own layout"),
        ({"kernels": "own", "quantise": "int8", "precision": "bfloat16"}, "ours give float32, not bfloat16"),
        ({"kernels": "mine"}, "kernels 'mine' is unknown"),
        ({"kv_cache": "int2"}, "kv_cache 'int2' is unknown"),
        ({"kv_cache": "bfloat16", "quantise": "int8", "kernels": "own"}, "our own kernels read float32 and int8"),
        ({"compile": True, "packing": True, "kernels": "own"}, "kernels 'own': compiled steps are torch's"),
    ],
)
def test_what_is_not_there_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RuntimePlanError, match=message):
        resolve(RuntimeConfig(device="cpu", **settings))


def test_a_compiler_that_fails_says_so(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "g++"
    broken.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho 'steps.cpp: no such instruction' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(build, "compiler", lambda: str(broken))
    with pytest.raises(RuntimePlanError, match=r"failed: steps\.cpp: no such instruction"):
        built({"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert not list((tmp_path / "cache").rglob("*.so"))
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RuntimePlanError, match="cannot be written"):
        built({"XDG_CACHE_HOME": str(file / "below")})


def test_it_is_compiled_once(tmp_path) -> None:
    where = {"XDG_CACHE_HOME": str(tmp_path)}
    file = built(where)
    before = file.stat().st_mtime_ns
    assert built(where) == file and file.stat().st_mtime_ns == before
    assert Library(file).shape.columns == 16


def test_kernels_that_compute_wrongly_are_not_used(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CPU with instructions that nobody tried might do."""
    assert agrees(library)
    honest = Library.linear
    monkeypatch.setattr(Library, "linear", lambda self, layer, rows: honest(self, layer, rows) * 1.01)
    plan = resolve(RuntimeConfig(device="cpu", quantise="int8"))
    assert plan.kernels == "torch" and "compute wrongly" in plan.explain()
    with pytest.raises(RuntimePlanError, match="compute wrongly on this CPU"):
        resolve(RuntimeConfig(device="cpu", quantise="int8", kernels="own"))
