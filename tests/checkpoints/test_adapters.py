"""Adapters: what is added, that several add up, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from songbloom_x2.checkpoints.adapters import (
    CONFIG_FILE,
    PREFIX,
    WEIGHTS_FILE,
    AdapterHeader,
    apply_adapters,
    save_adapter,
)
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.lora import LoraLinear
from songbloom_x2.types import LoraChoice

HEADER = AdapterHeader("hash-of-the-model", "tiny", 2, 4.0, "a test")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up = nn.Linear(4, 6, bias=False)
        self.down = nn.Linear(6, 3)


def adapter(folder: Path, seed: int, names: tuple[str, ...] = ("up", "down")) -> Path:
    net, generator = Net(), torch.Generator().manual_seed(seed)
    layers = {name: LoraLinear(net.get_submodule(name), 2, 4.0, generator) for name in names}  # type: ignore[arg-type]
    for layer in layers.values():
        nn.init.normal_(layer.lora_B, generator=generator)
    save_adapter(folder, layers, HEADER)
    return folder


def added(folder: Path, name: str) -> torch.Tensor:
    tensors = load_file(folder / WEIGHTS_FILE)
    return 2.0 * tensors[f"{PREFIX}{name}.lora_B.weight"] @ tensors[f"{PREFIX}{name}.lora_A.weight"]


def test_adapters_add_up_at_their_scales_whatever_their_order(tmp_path: Path) -> None:
    first, second = adapter(tmp_path / "a", 1), adapter(tmp_path / "b", 2, ("down",))
    choices = [LoraChoice(str(first), 0.7), LoraChoice(str(second / WEIGHTS_FILE), -0.5)]
    net, other, plain = Net(), Net(), Net()
    applied = apply_adapters(net, "hash-of-the-model", choices)
    apply_adapters(other, "hash-of-the-model", choices[::-1])
    torch.testing.assert_close(net.up.weight, plain.up.weight + 0.7 * added(first, "up"))
    expected = plain.down.weight + 0.7 * added(first, "down") - 0.5 * added(second, "down")
    torch.testing.assert_close(net.down.weight, expected)
    assert torch.equal(net.down.weight, other.down.weight)
    assert [(entry.scale, entry.layers) for entry in applied] == [(0.7, 2), (-0.5, 1)]
    assert applied[0].sha256 != applied[1].sha256
    assert not net.up.weight.requires_grad


def test_half_precision_weights_are_added_in_float32(tmp_path: Path) -> None:
    folder = adapter(tmp_path, 1)
    net, plain = Net().bfloat16(), Net().bfloat16()
    apply_adapters(net, "hash-of-the-model", [LoraChoice(str(folder), 1e-3)])
    assert net.up.weight.dtype == torch.float32
    torch.testing.assert_close(net.up.weight, plain.up.weight.float() + 1e-3 * added(folder, "up"))


def test_the_files_say_what_peft_wants_to_know(tmp_path: Path) -> None:
    described = json.loads((adapter(tmp_path, 1) / CONFIG_FILE).read_text())
    assert (described["peft_type"], described["r"], described["lora_alpha"]) == ("LORA", 2, 4.0)
    assert described["target_modules"] == ["down", "up"]
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / WEIGHTS_FILE).items()}
    assert shapes["base_model.model.up.lora_A.weight"] == (2, 4)
    assert shapes["base_model.model.up.lora_B.weight"] == (6, 2)


def refused(path: Path, base: str = "hash-of-the-model") -> str:
    net, plain = Net(), Net()
    with pytest.raises(CheckpointError) as caught:
        apply_adapters(net, base, [LoraChoice(str(path))])
    assert torch.equal(net.up.weight, plain.up.weight), "refused and yet applied"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_does_not_belong_to_the_model_is_refused(tmp_path: Path) -> None:
    path = adapter(tmp_path, 1) / WEIGHTS_FILE
    assert "was trained on the model 'tiny'" in refused(path, "another")
    assert "no such file" in refused(tmp_path / "nowhere")
    tensors = load_file(path)
    with_header = {"songbloom_adapter": json.dumps(HEADER.__dict__)}

    def written(changed: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> Path:
        save_file(changed, path, metadata=with_header if metadata is None else metadata)
        return path

    name = f"{PREFIX}up.lora_A.weight"
    assert "has shapes" in refused(written({**tensors, name: torch.zeros(2, 5)}))
    assert "not finite" in refused(written({**tensors, name: torch.full((2, 4), torch.nan)}))
    assert "belongs to no layer" in refused(written({**tensors, f"{PREFIX}side.lora_A.weight": torch.zeros(2, 4)}))
    assert "belongs to no layer" in refused(written({k: v for k, v in tensors.items() if k != name}))
    assert "holds no layers" in refused(written({}))
    assert "does not say which model" in refused(written(tensors, {"format": "pt"}))
    assert "header is damaged" in refused(written(tensors, {"songbloom_adapter": "{"}))
    huge = json.dumps({**HEADER.__dict__, "rank": 10**6})
    assert "out of range" in refused(written(tensors, {"songbloom_adapter": huge}))


def test_a_pickle_is_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "adapter.bin"
    torch.save({"up": torch.zeros(1)}, path)
    assert "not a sound safetensors file" in refused(path)
