"""Fine-tuning with LoRA: which layers adapt, and on what a step is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from songbloom_x2.errors import ConfigError
from songbloom_x2.nn.lora import LoraLinear, attach, linear_names
from songbloom_x2.song_model import SongModel

Target = Literal["sketch", "dit", "prior"]
TARGETS: Mapping[Target, tuple[str, ...]] = {
    "sketch": ("sketch.layers",),
    "dit": ("dit.layers", "dit.latent_out"),
    "prior": ("prior.blocks", "prior.mean", "prior.rows", "prior.mean_rows", "prior.style", "prior.style_row"),
}
"""Layers by part: ``sketch`` is the melody and rhythm, ``prior`` and ``dit`` how voice and band sound."""
SKETCH_EVERY = 4
"""One step in four trains the sketch LM: it costs as much as three of the renderer and is soon content."""


class TrainsSteps(Protocol):
    """The part of ``loop.Objective`` that both halves have."""

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        ...

    def validate(self) -> Mapping[str, float]:
        """See ``loop.Objective``."""
        ...


class LoraObjective:
    """Both halves in turn; a half that does not adapt is left out."""

    def __init__(self, render: TrainsSteps | None, sketch: TrainsSteps | None) -> None:
        """Raises ``ConfigError`` where nothing adapts."""
        if render is None and sketch is None:
            raise ConfigError("nothing to adapt: name at least one target")
        self.render, self.sketch = render, sketch

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        if self.render is None or (self.sketch is not None and step % SKETCH_EVERY == SKETCH_EVERY - 1):
            assert self.sketch is not None
            return self.sketch.loss(step, generator)
        return self.render.loss(step, generator)

    def validate(self) -> Mapping[str, float]:
        """Figures of both."""
        found: dict[str, float] = {}
        for half in (self.render, self.sketch):
            if half is not None:
                found |= half.validate()
        return found


def adapted(model: SongModel, targets: Sequence[Target], rank: int, alpha: float, seed: int) -> dict[str, LoraLinear]:
    """Freeze the model and put adapters into the layers of ``targets``; gives them by name."""
    model.requires_grad_(False)
    places = [place for target in targets for place in TARGETS[target]]
    names = linear_names(model, places)
    if not names:
        raise ConfigError(f"model '{model.config.name}' has no layers of {', '.join(targets)}")
    return attach(model, names, rank, alpha, torch.Generator().manual_seed(seed))
