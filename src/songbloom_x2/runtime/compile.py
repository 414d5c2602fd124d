"""The step functions through ``torch.compile``: one function a call of the engine, with few different shapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.steps import Steps


def compiled(steps: Steps, device: str) -> Steps:
    """The same steps, the LM's step and the DiT's evaluation compiled when they first run.

    On a GPU the DiT's evaluation becomes a CUDA graph. The LM's step sees the cache's first ``context`` positions, a
    multiple of the engine's step, so that only so many shapes are compiled.
    """
    # The cache is written in place and songs leave it: its memory may move, which a CUDA graph would not notice.
    lm_step: Callable[[Tensor, KVCache, int], Tensor] = torch.compile(steps.lm_step, dynamic=False)
    mode = "reduce-overhead" if device == "cuda" else "default"
    velocity: Callable[..., Tensor] = torch.compile(steps.velocity, dynamic=False, mode=mode)
    if device != "cuda":
        return dataclasses.replace(steps, lm_step=lm_step, velocity=velocity)

    begin: Callable[[], None] = torch.compiler.cudagraph_mark_step_begin

    def kept(*args: Tensor) -> Tensor:
        # A graph's output is overwritten by its next run.
        begin()
        return velocity(*args).clone()

    return dataclasses.replace(steps, lm_step=lm_step, velocity=kept)
