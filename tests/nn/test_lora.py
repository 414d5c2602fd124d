from __future__ import annotations

import torch
from torch import nn

from songbloom_x2.nn.lora import LoraLinear, attach, linear_names


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 5)
        self.blocks = nn.ModuleList([nn.Linear(5, 5, bias=False), nn.Linear(5, 4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = torch.tanh(block(x))
        return x


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_names_are_those_under_a_target() -> None:
    assert linear_names(Net(), ["blocks"]) == ["blocks.0", "blocks.1"]
    assert linear_names(Net(), ["first", "blocks.1"]) == ["first", "blocks.1"]
    assert linear_names(Net(), ["block", "fir"]) == []


def test_nothing_changes_at_first_and_only_the_additions_learn() -> None:
    torch.manual_seed(0)
    net, x = Net(), torch.randn(3, 6)
    before = net(x)
    layers = attach(net, ["blocks.0", "blocks.1"], 2, 4.0, seeded())
    assert torch.equal(net(x), before)
    net.first.requires_grad_(False)
    net(x).sum().backward()
    learning = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert learning == {f"blocks.{i}.lora_{part}" for i in range(2) for part in "AB"}
    assert all(isinstance(layer, LoraLinear) and layer.scale == 2 for layer in layers.values())


def test_the_sum_is_the_merged_weight() -> None:
    torch.manual_seed(1)
    layer = LoraLinear(nn.Linear(6, 5), 3, 1.5, seeded())
    nn.init.normal_(layer.lora_B)
    x = torch.randn(2, 6)
    merged = layer.base.weight + 0.5 * layer.lora_B @ layer.lora_A
    torch.testing.assert_close(layer(x), nn.functional.linear(x, merged, layer.base.bias))
