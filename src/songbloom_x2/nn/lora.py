"""Low-rank additions to linear layers (LoRA, arXiv 2106.09685): what is trained when a model is adapted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LoraLinear(nn.Module):
    """``base(x) + (alpha / rank) * B A x``; ``B`` starts at zero, so nothing changes before training."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        """``base`` is frozen; ``generator`` draws ``A``."""
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        first = torch.empty(rank, base.in_features, dtype=torch.float32)
        nn.init.kaiming_uniform_(first, a=math.sqrt(5), generator=generator)
        self.lora_A = nn.Parameter(first)
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        low = nn.functional.linear(x, self.lora_A.to(x.dtype))
        out: Tensor = self.base(x) + self.scale * nn.functional.linear(low, self.lora_B.to(x.dtype))
        return out


def linear_names(model: nn.Module, targets: Sequence[str]) -> list[str]:
    """Names of the linear layers under any of ``targets``: a module's name, or the beginning of one up to a dot."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and any(name == t or name.startswith(f"{t}.") for t in targets)
    ]


def attach(
    model: nn.Module, names: Sequence[str], rank: int, alpha: float, generator: torch.Generator
) -> dict[str, LoraLinear]:
    """Put a ``LoraLinear`` in the place of every named layer; gives them by name."""
    attached = {}
    for name in names:
        parent_name, _, child = name.rpartition(".")
        parent = model.get_submodule(parent_name)
        layer = LoraLinear(model.get_submodule(name), rank, alpha, generator)  # type: ignore[arg-type]  # see linear_names
        setattr(parent, child, layer)
        attached[name] = layer
    return attached
