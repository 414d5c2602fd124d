"""Every faster path against the plain float32 one, on the same inputs."""

from __future__ import annotations

import copy

import pytest
import torch

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.engine import SongTask, generate_blocks
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.footprint import module_bytes
from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.runtime.linears import DynamicInt8Linear, Int4Linear, PackedLinear, WeightOnlyInt8Linear
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
    hidden_scale=2,
    lm_layers=2,
    diff_layers=2,
    num_pitch=63,
    max_frames=16,
    init_std=0.08,
)


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(3)
    return SongModel(CONFIG, codec=None).eval().requires_grad_(False)


def placed(model, **settings):
    plan = resolve(RuntimeConfig(device="cpu", **settings))
    return plan, plan.place(copy.deepcopy(model))


def outputs(plan, model):
    """Hidden states of a prefill and two steps, logits, and a velocity."""
    generator = torch.Generator().manual_seed(5)
    like = model.sketch.bos
    rows = torch.randn(2, 9, CONFIG.dim, generator=generator).to(like)
    with torch.no_grad(), apply(plan):
        steps = plan.steps(model)
        cache = steps.new_cache(2, 12)
        steps.prefill(rows[:, :7], torch.tensor([7, 5]), cache)
        hidden = torch.stack([steps.lm_step(rows[:, 7], cache, 12), steps.lm_step(rows[:, 8], cache, 12)])
        drawn = [torch.randn(2, *shape, generator=generator) for shape in ((4, 4), (128,), (128,), (4, 128), (4, 4))]
        noisy, *others = drawn
        velocity = steps.velocity(noisy, *(other.to(like) for other in others))
        logits = model.sketch.logits(hidden)
    return {"hidden": hidden.float(), "logits": logits.float(), "velocity": velocity.float()}


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"optimisation": "standard"}, 2e-6),
        ({"optimisation": "standard", "kernels": "torch"}, 1e-5),
        ({"optimisation": "minimal", "packing": True}, 1e-5),
        ({"precision": "bfloat16", "optimisation": "standard"}, 0.03),
        ({"precision": "bfloat16", "optimisation": "minimal"}, 0.03),
        ({"quantise": "int8"}, 0.08),
        ({"quantise": "int8", "kernels": "torch"}, 0.08),
        ({"quantise": "int8", "kernels": "torch", "packing": True}, 0.08),
        ({"quantise": "int8_weights"}, 0.03),
        ({"quantise": "int4"}, 0.3),
        ({"optimisation": "aggressive"}, 0.08),
    ],
)
def test_faster_is_the_same_within_tolerance(plain, settings, tolerance):
    """Relative to the size of each output."""
    expected = outputs(*placed(plain, optimisation="minimal"))
    found = outputs(*placed(plain, **settings))
    for name, wanted in expected.items():
        error = float((found[name] - wanted).norm() / wanted.norm())
        assert error <= tolerance, (name, error)
        if tolerance > 1e-3:
            assert error > 0, f"{name} is exact: the switch did nothing"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"optimisation": "standard"}, KernelLinear),
        ({"optimisation": "standard", "kernels": "torch"}, PackedLinear),
        ({"quantise": "int8"}, KernelLinear),
        ({"quantise": "int8", "kernels": "torch"}, DynamicInt8Linear),
        ({"quantise": "int8_weights"}, WeightOnlyInt8Linear),
        ({"quantise": "int4"}, Int4Linear),
        ({"optimisation": "aggressive"}, KernelLinear),
    ],
)
def test_a_switch_exchanges_the_layers(plain, settings, kind):
    _, model = placed(plain, **settings)
    for part in (model.sketch, model.dit):
        assert sum(isinstance(module, kind) for module in part.modules()) >= 2 * 4


@pytest.mark.parametrize(
    ("settings", "kernel"),
    [
        ({"optimisation": "minimal"}, "aten::linear"),
        ({"optimisation": "standard", "kernels": "torch"}, "mkldnn::_linear_pointwise"),
        ({"optimisation": "standard"}, "songbloom::lm_prefill_float32"),
        ({"optimisation": "standard"}, "songbloom::lm_step_float32"),
        ({"optimisation": "standard"}, "songbloom::dit_float32"),
        ({"quantise": "int8", "kernels": "torch"}, "quantized::linear_dynamic"),
        ({"quantise": "int8", "kernels": "own"}, "songbloom::lm_step_int8"),
        ({"quantise": "int8", "kernels": "own"}, "songbloom::dit_int8"),
        ({"quantise": "int8_weights"}, "aten::_weight_int8pack_mm"),
        ({"quantise": "int4"}, "aten::_weight_int4pack_mm_for_cpu"),
        ({"attention": "math"}, "aten::_scaled_dot_product_attention_math"),
        ({"attention": "auto"}, "aten::_scaled_dot_product_flash_attention_for_cpu"),
    ],
)
def test_the_profiler_sees_the_switch(plain, settings, kernel):
    """On: its kernel runs. Off: another does."""
    from torch.profiler import ProfilerActivity, profile

    def kernels(**asked):
        plan, model = placed(plain, **asked)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            outputs(plan, model)
        return {event.key for event in profiler.key_averages()}

    assert kernel in kernels(**settings)
    if settings != {"optimisation": "minimal"}:
        other = {"attention": "auto" if settings.get("attention") == "math" else "math"}
        assert kernel not in kernels(**(other if "attention" in settings else {"optimisation": "minimal"}))


@pytest.mark.parametrize(
    ("kv_cache", "share", "tolerance"), [("model", 1.0, 0.0), ("bfloat16", 0.5, 0.003), ("int8", 0.27, 0.01)]
)
def test_keys_and_values_take_less(plain, kv_cache, share, tolerance):
    plan, model = placed(plain, kv_cache=kv_cache)
    steps, whole = plan.steps(model), model.steps()
    taken = steps.new_cache(2, 12).nbytes / whole.new_cache(2, 12).nbytes
    assert taken == pytest.approx(share, abs=0.01)
    expected, found = outputs(*placed(plain)), outputs(plan, model)
    error = float((found["hidden"] - expected["hidden"]).norm() / expected["hidden"].norm())
    assert error <= tolerance and (error > 0) == (tolerance > 0)


def test_minimal_leaves_torchs_layers(plain):
    plan, model = placed(plain, optimisation="minimal")
    assert not plan.packing and not plan.compiled and plan.quantisation == "none"
    assert {name for name, _ in model.named_parameters()} == {name for name, _ in plain.named_parameters()}


def test_bytes(plain):
    """Of the layers themselves; embeddings and norms stay as they are."""

    def taken(**settings):
        _, model = placed(plain, **settings)
        return sum(module_bytes(layer) for part in (model.sketch, model.dit) for layer in part.layers)

    whole = taken(optimisation="minimal")
    assert taken(optimisation="standard") == whole
    assert taken(quantise="int8") < 0.28 * whole
    assert taken(quantise="int8_weights") < 0.28 * whole
    assert taken(quantise="int4") < 0.18 * whole


@pytest.mark.parametrize("settings", [{"optimisation": "standard"}, {"quantise": "int8"}, {"precision": "bfloat16"}])
def test_songs_are_made_with_it(plain, settings):
    plan, model = placed(plain, **settings)
    with apply(plan):
        tasks = [SongTask(model.condition([1, 3, 2], None), seed, 13, 16) for seed in range(2)]
        blocks = list(generate_blocks(plan.steps(model), tasks, CONFIG.sampling))
    assert len(blocks) == 2 * 4
    assert all(block.latents.isfinite().all() for block in blocks)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantise": "int2"}, "quantise 'int2' is unknown"),
        ({"optimisation": "most"}, "optimisation 'most' is unknown"),
        ({"quantise": "int8", "compile": True}, "compile: not with 'int8'"),
    ],
)
def test_what_is_not_there_is_refused(settings, message):
    with pytest.raises(RuntimePlanError) as caught:
        resolve(RuntimeConfig(device="cpu", **settings))
    assert str(caught.value).startswith(message)


def test_a_layer_that_does_not_fit_four_bits_has_eight():
    import dataclasses

    odd = SongModel(dataclasses.replace(CONFIG, num_pitch=200), codec=None)
    plan, model = placed(odd, quantise="int4")
    assert isinstance(model.sketch.classifier[2], WeightOnlyInt8Linear)
    assert isinstance(model.sketch.classifier[0], Int4Linear)
    assert "8 in layers that are no multiples of 32 x 16" in plan.explain()


def test_the_plan_says_what_was_chosen_and_why():
    told = {
        choice.setting: choice
        for choice in resolve(RuntimeConfig(device="cpu", optimisation="standard", quantise="int8")).choices
    }
    assert (told["quantisation"].value, told["packing"].value, told["compile"].value) == ("int8", "on", "off")
    assert all(told[name].reason for name in ("quantisation", "packing", "compile"))


@pytest.mark.long
def test_half_precision_stays_finite_over_a_long_song():
    """3,000 frames in bfloat16."""
    import dataclasses

    torch.manual_seed(0)
    config = dataclasses.replace(
        CONFIG,
        dim=32,
        num_heads=1,
        lm_layers=1,
        diff_layers=1,
        block_size=16,
        max_frames=3000,
        sampling=SamplingConfig(steps=1),
    )
    plan, model = placed(SongModel(config, codec=None).eval(), precision="bfloat16")
    with apply(plan):
        task = SongTask(model.condition([1, 3, 2], None), 0, 2993, 3008)
        blocks = list(generate_blocks(plan.steps(model), [task], config.sampling))
    assert sum(block.latents.shape[1] for block in blocks) >= 3000
    assert all(block.latents.isfinite().all() for block in blocks)


def test_compiling_replaces_both_step_functions(plain, monkeypatch):
    seen = []

    def compile(function, **settings):
        seen.append(function)
        return lambda *args: function(*args)

    monkeypatch.setattr(torch, "compile", compile)
    plan, model = placed(plain, optimisation="minimal", compile=True)
    steps = plan.steps(model)
    assert [function.__name__ for function in seen] == ["_lm_step", "velocity"]
    expected = outputs(*placed(plain, optimisation="minimal"))
    assert all(torch.equal(value, expected[name]) for name, value in outputs(plan, model).items())
    assert steps.lm_step is not model.steps().lm_step


def test_the_mapped_file_is_let_go(plain):
    model = copy.deepcopy(plain)
    memory = torch.zeros(2 * sum(parameter.numel() for parameter in model.parameters()))
    start = 0
    for parameter in model.parameters():
        view = memory[start : start + parameter.numel()].view_as(parameter)
        view.copy_(parameter)
        parameter.data = view
        start += parameter.numel()
    resolve(RuntimeConfig(device="cpu", quantise="int8")).place(model)
    held = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    assert memory.untyped_storage().data_ptr() not in held
    assert torch.equal(model.sketch.embedding.weight, plain.sketch.embedding.weight)
