"""Weights that wait in the host's memory and come to the GPU for their turn: by stage (LM, DiT) or by layer.

By stage the LM comes when the sketch is drawn and leaves for the DiT: two moves a block. By layer each layer comes for
its own call: the least memory, and a move for every call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import nn

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.choice import Choice
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import Steps

Move = Callable[[nn.Module, str], None]
"""Brings a module's weights to a device, by name."""


def resolve_offload(config: RuntimeConfig, device: str, quantisation: str) -> Choice:
    """Whether weights leave a GPU between their turns."""
    asked = config.offload
    if asked not in ("none", "stage", "layer"):
        raise RuntimePlanError(f"offload '{asked}' is unknown; known are none, stage and layer")
    if asked == "none":
        return Choice("offload", asked, "none", "all weights stay where they are used")
    if device != "cuda":
        raise RuntimePlanError(f"offload '{asked}': only a GPU's weights can wait in the host's memory, not '{device}'")
    if quantisation != "none":
        raise RuntimePlanError(f"offload '{asked}': not with quantise '{quantisation}', whose layers do not move")
    return Choice("offload", asked, asked, "as asked; slower by what the moves take")


def moved(module: nn.Module, device: str) -> None:
    """The plain way."""
    module.to(device)


class Stages:
    """Which of several parts is on the device: one at a time."""

    def __init__(self, parts: dict[str, list[nn.Module]], device: str, move: Move = moved) -> None:
        """All parts begin on the host."""
        self._parts, self._device, self._move = parts, device, move
        self._present: str | None = None
        for part in parts.values():
            for module in part:
                move(module, "cpu")

    def bring(self, name: str) -> None:
        """Part ``name`` to the device, the one that was there to the host first."""
        if self._present == name:
            return
        if self._present is not None:
            for module in self._parts[self._present]:
                self._move(module, "cpu")
        for module in self._parts[name]:
            self._move(module, self._device)
        self._present = name


def by_stage(steps: Steps, model: SongModel, device: str, move: Move = moved) -> Steps:
    """The same steps; before each, what it needs is brought. Embeddings and head of the LM stay on the device."""
    stages = Stages({"lm": list(model.sketch.layers), "dit": list(model.dit.layers)}, device, move)

    def after(part: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            stages.bring(part)
            return step(*args)

        return run

    return dataclasses.replace(
        steps,
        prefill=after("lm", steps.prefill),
        lm_step=after("lm", steps.lm_step),
        velocity=after("dit", steps.velocity),
    )


def by_layer(model: SongModel, device: str, move: Move = moved) -> None:
    """Hooks on every layer of LM and DiT: to the device before its call, to the host after it."""
    for layer in (*model.sketch.layers, *model.dit.layers):
        move(layer, "cpu")
        layer.register_forward_pre_hook(lambda module, _: move(module, device))
        layer.register_forward_hook(lambda module, _, __: move(module, "cpu"))
