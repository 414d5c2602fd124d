import dataclasses
import json

import pytest
import torch
import torch.nn.functional as F

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime import attention, device, precision
from songbloom_x2.runtime.apply import apply, codec_scope
from songbloom_x2.runtime.plan import resolve

CPU = RuntimeConfig(device="cpu")


@pytest.fixture
def machine(monkeypatch):
    """Makes torch say what a machine with other hardware would say."""

    def pretend(*, cuda=False, mps=False, bfloat16=True, capability=9):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Pretended GPU")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (capability, 0))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(attention, "_runs", lambda *_, **__: True)

    return pretend


def test_a_cpu_computes_exactly():
    plan = resolve(CPU)
    assert (plan.device, plan.dtype, plan.attention) == ("cpu", "float32", "auto")
    assert (plan.tf32, plan.codec_tf32, plan.cudnn_benchmark) == (False, False, False)
    assert plan.torch_device == torch.device("cpu")
    assert plan.torch_dtype == torch.float32
    assert resolve(CPU) == plan
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.dtype = "bfloat16"


def test_auto_takes_the_best_there_is(machine):
    machine()
    assert resolve(RuntimeConfig()).device == "cpu"
    machine(mps=True)
    assert (resolve(RuntimeConfig()).device, resolve(RuntimeConfig()).dtype) == ("mps", "float32")
    machine(cuda=True, mps=True)
    plan = resolve(RuntimeConfig())
    assert (plan.device, plan.dtype, plan.tf32, plan.codec_tf32, plan.cudnn_benchmark) == (
        *("cuda", "bfloat16"),
        *(True, False, True),
    )
    assert "Pretended GPU" in plan.explain()
    machine(cuda=True, bfloat16=False, capability=7)
    old = resolve(RuntimeConfig(codec_tf32=True))
    assert (old.dtype, old.tf32, old.codec_tf32) == ("float32", False, False)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (RuntimeConfig(device="cuda"), "device 'cuda': this torch sees no CUDA device"),
        (RuntimeConfig(device="mps"), "device 'mps': this torch sees no Apple GPU"),
        (RuntimeConfig(device="tpu"), "device 'tpu' is unknown"),
        (RuntimeConfig(precision="float16"), "precision 'float16': a CPU is slow in it"),
        (RuntimeConfig(precision="int8"), "precision 'int8' is unknown"),
        (RuntimeConfig(attention="efficient"), "attention 'efficient': no such kernel for float32 on 'cpu'"),
        (RuntimeConfig(attention="best"), "attention 'best' is unknown"),
        (RuntimeConfig(threads=0), "threads 0"),
    ],
)
def test_nothing_falls_back_in_silence(machine, monkeypatch, config, message):
    runs = attention._runs
    machine()
    monkeypatch.setattr(attention, "_runs", runs)
    with pytest.raises(RuntimePlanError) as caught:
        resolve(config)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_bfloat16_where_there_is_none(machine):
    machine(cuda=True, bfloat16=False)
    with pytest.raises(RuntimePlanError, match="'bfloat16': the device 'cuda' cannot"):
        resolve(RuntimeConfig(precision="bfloat16"))


def test_what_is_asked_for_is_done():
    plan = resolve(RuntimeConfig(device="cpu", precision="bfloat16", attention="math", threads=3))
    assert (plan.dtype, plan.attention, plan.threads) == ("bfloat16", "math", 3)
    assert all(choice.reason for choice in plan.choices)


def test_flash_without_masks_says_so(monkeypatch):
    """As on CUDA: the kernel takes no mask, together with the efficient one masks work."""
    monkeypatch.setattr(attention, "_runs", lambda kernels, *_, masked: not masked or len(kernels) == 2)
    assert resolve(dataclasses.replace(CPU, attention="flash")).attention == attention.MASKED
    with pytest.raises(RuntimePlanError, match="without masks only"):
        resolve(dataclasses.replace(CPU, attention="math"))


def test_explanation_and_json():
    plan = resolve(CPU)
    lines = plan.explain().splitlines()
    assert len(lines) == 1 + len(plan.choices)
    for choice, line in zip(plan.choices, lines[1:], strict=True):
        assert line.split("  ")[0] == choice.setting
        assert line.endswith(choice.reason)
    plain = json.loads(json.dumps(plan.to_json()))
    assert plain["dtype"] == "float32"
    assert [choice["setting"] for choice in plain["choices"]] == [choice.setting for choice in plan.choices]


def switches():
    return (
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.get_num_threads(),
        torch.backends.cuda.math_sdp_enabled(),
        torch.backends.cuda.flash_sdp_enabled(),
    )


def test_switches_are_set_for_a_while_and_put_back():
    before = switches()
    plan = dataclasses.replace(resolve(CPU), tf32=True, cudnn_benchmark=True, threads=before[3] + 1, attention="math")
    with pytest.raises(KeyError), apply(plan):
        assert switches() == (True, True, True, before[3] + 1, True, False)
        with codec_scope(plan):
            assert switches()[:2] == (False, False)
        assert switches()[:2] == (True, True)
        raise KeyError
    assert switches() == before


@pytest.mark.parametrize("kernel", ["math", "flash"])
def test_kernels_agree(kernel):
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 2, 9, 64, generator=generator) for _ in range(3))
    expected = F.scaled_dot_product_attention(query, key, value)
    with apply(resolve(dataclasses.replace(CPU, attention=kernel))):
        torch.testing.assert_close(F.scaled_dot_product_attention(query, key, value), expected)


def test_resolving_changes_nothing():
    before = switches()
    resolve(dataclasses.replace(CPU, attention="flash", precision="bfloat16"))
    assert switches() == before


def test_devices_and_types_that_are_known():
    assert device.resolve_device("cpu").reason == "as asked"
    assert precision.has_bfloat16("cpu")
