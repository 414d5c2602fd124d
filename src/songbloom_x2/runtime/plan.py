"""The runtime plan: what the machine will do and why, resolved once, then only read.

Pure data: resolving probes the device, but changes nothing (``runtime.apply`` does, for as long as it is asked to).
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.attention import resolve_attention
from songbloom_x2.runtime.bundles import (
    resolve_compile,
    resolve_packing,
    resolve_quantisation,
)
from songbloom_x2.runtime.choice import Choice
from songbloom_x2.runtime.compile import compiled
from songbloom_x2.runtime.device import resolve_device
from songbloom_x2.runtime.kernels.binding import Library
from songbloom_x2.runtime.kernels.build import built
from songbloom_x2.runtime.kernels.choice import resolve_cache, resolve_kernels
from songbloom_x2.runtime.kernels.steps import fused
from songbloom_x2.runtime.offload import by_layer, by_stage, resolve_offload
from songbloom_x2.runtime.optimise import optimise
from songbloom_x2.runtime.placement import place
from songbloom_x2.runtime.precision import resolve_precision, resolve_tf32
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import Steps


@dataclass(frozen=True)
class RuntimePlan:
    """Where and how a model runs. ``choices`` are the same values with their reasons."""

    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    dtype: str
    """Type of LM and DiT: ``float32``, ``bfloat16`` or ``float16``. The codec is float32."""
    attention: str
    packing: bool
    """Projections are joined and, on a CPU, packed."""
    quantisation: str
    """``none``, ``int8``, ``int8_weights`` or ``int4``."""
    kernels: str
    """``torch``, or ``own`` (``runtime.kernels``) for the layers of LM and DiT and the step functions."""
    kv_cache: str
    """Number format of the LM's keys and values, a torch type's name."""
    offload: str
    """``none``, ``stage`` or ``layer``: when weights come to a GPU."""
    compiled: bool
    tf32: bool
    codec_tf32: bool
    cudnn_benchmark: bool
    threads: int
    choices: tuple[Choice, ...]

    @property
    def torch_device(self) -> torch.device:
        """The device for torch."""
        return torch.device(self.device)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The type of LM and DiT for torch."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype

    def place(self, model: SongModel) -> SongModel:
        """Move a model to this device and precision, tensor by tensor, its codec in float32; gives the same model.

        Its linear layers become those of the plan, one by one.
        """
        placed = place(model, self.torch_device, self.torch_dtype, layers_wait=self.offload != "none")
        placed = optimise(
            placed,
            packing=self.packing,
            quantisation=self.quantisation,
            device=self.device,
            library=Library(built()) if self.kernels == "own" else None,
        )
        if self.offload == "layer":
            by_layer(placed, self.device)
        return placed

    def steps(self, model: SongModel) -> Steps:
        """The step functions of a placed model, compiled where the plan says so. Once a model: they keep their code."""
        steps = model.steps()
        if self.kv_cache != self.dtype:
            dtype: torch.dtype = getattr(torch, self.kv_cache)
            steps = dataclasses.replace(steps, new_cache=partial(model.sketch.new_cache, dtype=dtype))
        if self.kernels == "own":
            steps = fused(steps, model, Library(built()))
        if self.offload == "stage":
            return by_stage(steps, model, self.device)
        return compiled(steps, self.device) if self.compiled else steps

    def explain(self) -> str:
        """A table for people: setting, value, what was asked, why."""
        rows = [("setting", "value", "asked", "why")]
        rows += [(choice.setting, choice.value, choice.asked, choice.reason) for choice in self.choices]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest: every setting, and the reasons under ``choices``."""
        return dataclasses.asdict(self)


def resolve(config: RuntimeConfig) -> RuntimePlan:
    """Resolve what is asked of this machine; ``RuntimePlanError`` for anything it does not have."""
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device.value)
    dtype: torch.dtype = getattr(torch, precision.value)
    attention = resolve_attention(config.attention, device.value, dtype)
    packing = resolve_packing(config, device.value, dtype)
    quantisation = resolve_quantisation(config, device.value, dtype)
    kernels = resolve_kernels(config, device.value, precision.value, quantisation.value, packing.value == "on")
    kv_cache = resolve_cache(config, device.value, precision.value, kernels.value, quantisation.value)
    offload = resolve_offload(config, device.value, quantisation.value)
    compiled = resolve_compile(config, device.value, quantisation.value)
    tf32 = resolve_tf32(config.tf32, device.value, "tf32")
    codec_tf32 = resolve_tf32(config.codec_tf32, device.value, "codec tf32")
    benchmark = _resolve_benchmark(config.cudnn_benchmark, device.value)
    threads = _resolve_threads(config.threads)
    codec = Choice("codec precision", "float32", "float32", "always: half precision audibly hurts it")
    return RuntimePlan(
        device=device.value,
        dtype=precision.value,
        attention=attention.value,
        packing=packing.value == "on",
        quantisation=quantisation.value,
        kernels=kernels.value,
        kv_cache=kv_cache.value,
        offload=offload.value,
        compiled=compiled.value == "on",
        tf32=tf32.value == "on",
        codec_tf32=codec_tf32.value == "on",
        cudnn_benchmark=benchmark.value == "on",
        threads=int(threads.value),
        choices=(
            device,
            precision,
            codec,
            attention,
            packing,
            quantisation,
            kernels,
            kv_cache,
            offload,
            compiled,
            tf32,
            codec_tf32,
            benchmark,
            threads,
        ),
    )


def _resolve_benchmark(asked: bool, device: str) -> Choice:
    if asked and device != "cuda":
        return Choice("cudnn benchmark", "on", "off", f"allowed, but the device '{device}' has no cuDNN")
    value = "on" if asked else "off"
    return Choice("cudnn benchmark", value, value, "as asked")


def _resolve_threads(asked: int | None) -> Choice:
    if asked is None:
        return Choice("threads", "auto", str(torch.get_num_threads()), "what torch takes on this machine")
    if not 1 <= asked <= 1024:
        raise RuntimePlanError(f"threads {asked}: give a number from 1 to 1024 (this machine has {os.cpu_count()})")
    return Choice("threads", str(asked), str(asked), "as asked")
