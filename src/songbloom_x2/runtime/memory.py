"""How much memory a model and its songs will take, and the plan that keeps within a limit, with its reasons."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from songbloom_x2.config import CacheFormat, OobleckConfig, RuntimeConfig, SongConfig
from songbloom_x2.errors import ConfigError, RuntimePlanError
from songbloom_x2.nn.stored import INT4_GROUP
from songbloom_x2.runtime.choice import Choice
from songbloom_x2.runtime.plan import RuntimePlan, resolve
from songbloom_x2.runtime.resident import device_bytes, resident_bytes
from songbloom_x2.song_model import SongModel, large_linears

_LIBRARIES = 150 * 10**6
"""What torch's libraries and the heap's gaps take beside tensors once songs are made, as measured on a CPU."""
_CODEC_FRAMES = 160
"""Latent frames that a codec decodes at once at most, its overlap included."""
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes. ``process`` is what the process has before the model (on a GPU: nothing)."""

    process: int
    weights: int
    cache: int
    """Keys and values of all songs side by side, at the longest that they may become."""
    work: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.process + self.weights + self.cache + self.work


def memory_limit(text: str) -> int:
    """Bytes of ``6GB``, ``800 MB``, ``1.5GiB``. Raises ``ConfigError`` for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b)\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"memory '{text}': give a size such as 6GB or 800MB")
    return round(float(found[1]) * _SIZES[found[2].upper()])


class Fitted:
    """Places a model within a limit, by a plan that it chooses when it sees the model (``checkpoints.load``)."""

    def __init__(self, runtime: RuntimeConfig) -> None:
        """``runtime.memory`` is the limit. Raises ``ConfigError`` where it is none."""
        self._runtime, self._limit = runtime, memory_limit(str(runtime.memory))
        self.plan: RuntimePlan | None = None
        self.songs = runtime.batch_size
        """How many songs may be made side by side."""

    def place(self, model: SongModel) -> SongModel:
        """The same model, moved. Raises ``RuntimePlanError`` where it does not fit."""
        self.plan, self.songs = within(model, self._runtime, self._limit)
        return self.plan.place(model)


def estimated(
    model: SongModel, plan: RuntimePlan, songs: int, process: int, frames: int | None = None, prefix: int | None = None
) -> MemoryEstimate:
    """What ``songs`` side by side take, of at most ``frames`` each (none: as long as the model allows)."""
    config = model.config
    halves = 2 if config.sampling.cfg_lm != 1 or config.sampling.dit_guidance == "global" else 1
    rows, longest = halves * songs, frames or config.sampling.max_frames or config.max_frames
    prefix = prefix or _prefix(config)
    blocks = -(-longest // config.block_size) + 1
    capacity = prefix + 1 + blocks * (config.block_size + 1)
    kept: torch.dtype = getattr(torch, plan.kv_cache)
    head = config.dim // config.num_heads
    cache = 2 * config.lm_layers * rows * capacity * config.num_heads * (
        head * kept.itemsize + (4 if kept == torch.int8 else 0)
    )  # fmt: skip
    weights = _weights(model, plan) - _elsewhere(model, plan)
    return MemoryEstimate(process, weights, cache, _work(config, plan, rows, prefix, model.codec is not None))


def within(model: SongModel, runtime: RuntimeConfig, limit: int) -> tuple[RuntimePlan, int]:
    """A plan that keeps ``model`` within ``limit`` bytes, and how many songs may be made side by side.

    What is given up, in this order, and only where it was left to us: songs side by side, 8 bits, 4 bits, and on a
    GPU the layers' place in its memory. Raises ``RuntimePlanError`` where nothing fits.
    """
    asked = resolve(runtime)
    process = resident_bytes() if asked.device == "cpu" else device_bytes(asked.torch_device)
    least: MemoryEstimate | None = None
    for config, what in _candidates(runtime):
        try:
            plan = resolve(config)
        except RuntimePlanError:
            continue
        for songs in range(runtime.batch_size, 0, -1):
            found = estimated(model, plan, songs, process)
            if found.total <= limit:
                side = "" if songs == runtime.batch_size else f", {songs} instead of {runtime.batch_size} side by side"
                reason = f"about {_said(found.total)} of {_said(limit)}: {what}{side}"
                choice = Choice("memory", str(runtime.memory), _said(found.total), reason)
                return dataclasses.replace(plan, choices=(*plan.choices, choice)), songs
            least = found if least is None or found.total < least.total else least
    assert least is not None, "the plan that was asked for is one of them"
    raise RuntimePlanError(
        f"memory {runtime.memory}: this model takes at least {_said(least.total)} (weights {_said(least.weights)}, "
        f"keys and values {_said(least.cache)}): give more, set sampling.max_frames lower, or take a smaller model"
    )


def _candidates(runtime: RuntimeConfig) -> Iterator[tuple[RuntimeConfig, str]]:
    yield runtime, "as asked"
    if runtime.quantise != "auto":
        return
    kept: CacheFormat = "int8" if runtime.kv_cache == "auto" else runtime.kv_cache
    yield dataclasses.replace(runtime, quantise="int8", kv_cache=kept), "weights in 8 bits, keys and values too"
    yield dataclasses.replace(runtime, quantise="int4", kv_cache=kept), "weights in 4 bits, keys and values in 8"
    if runtime.offload == "none":
        # Exact, but slower than any of those; resolving refuses them where there is no GPU.
        yield dataclasses.replace(runtime, offload="stage"), "LM and DiT come to the GPU in turn"
        yield dataclasses.replace(runtime, offload="layer"), "each layer comes to the GPU for its turn"


def _prefix(config: SongConfig) -> int:
    if config.alignment is None:
        return config.prompt.max_len + config.lyrics.max_len
    # Lyrics of some minutes, and the style's rows.
    return config.prompt.max_len + 400


def _weights(model: SongModel, plan: RuntimePlan) -> int:
    large = {id(linear) for _, _, linear in large_linears(model)}
    codec = set() if model.codec is None else {id(part) for part in model.codec.modules()}
    size = plan.torch_dtype.itemsize
    total = 0
    for module in model.modules():
        if id(module) in large and plan.quantisation != "none":
            assert isinstance(module, nn.Linear)
            total += _rounded(module.in_features, module.out_features, plan)
            continue
        each = 4 if id(module) in codec else size
        total += sum(each * part.numel() for part in module.parameters(recurse=False))
        total += sum(part.nbytes for part in module.buffers(recurse=False))
    return total


def _elsewhere(model: SongModel, plan: RuntimePlan) -> int:
    """Weights that wait on the host while others have their turn."""
    size = plan.torch_dtype.itemsize
    stages = [[size * sum(part.numel() for part in layer.parameters()) for layer in part] for part in _layers(model)]
    if plan.offload == "none":
        return 0
    present = max(sum(stage) for stage in stages) if plan.offload == "stage" else max(map(max, stages))
    return sum(map(sum, stages)) - present


def _layers(model: SongModel) -> tuple[nn.ModuleList, nn.ModuleList]:
    return model.sketch.layers, model.dit.layers


def _rounded(inputs: int, outputs: int, plan: RuntimePlan) -> int:
    if plan.quantisation == "int4" and inputs % INT4_GROUP == 0 and outputs % 16 == 0:
        return inputs * outputs // 2 + 4 * inputs * outputs // INT4_GROUP
    return inputs * outputs + (8 if plan.kernels == "own" else 4) * outputs


def _work(config: SongConfig, plan: RuntimePlan, rows: int, prefix: int, sounds: bool) -> int:
    """What computing the prefix takes on the way, or a piece of sound, whichever is more; and the libraries."""
    size = plan.torch_dtype.itemsize
    hidden = int(config.hidden_scale * config.dim)
    wide = 9 * config.dim if plan.kernels == "own" else 4 * hidden + 8 * config.dim
    begun = rows * prefix * wide * size
    sound = 0
    if sounds and isinstance(config.codec, OobleckConfig):
        sound = 4 * 4 * config.codec.channels * _CODEC_FRAMES * config.samples_per_frame
    return max(begun, sound) + (_LIBRARIES if plan.device == "cpu" else 0)


def _said(size: int) -> str:
    return f"{size / 10**9:.2f} GB"
