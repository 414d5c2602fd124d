"""What a block costs by arithmetic and by memory traffic, and how near to the machine's own peaks that was done."""

from __future__ import annotations

import time

import torch

from songbloom_x2.config import SamplingConfig, SongConfig
from songbloom_x2.runtime.footprint import module_bytes
from songbloom_x2.runtime.plan import RuntimePlan
from songbloom_x2.song_model import SongModel


def block_flops(config: SongConfig, sampling: SamplingConfig, songs: int, context: int) -> tuple[float, float]:
    """Floating-point operations of a block in the LM and in the DiT (a product and a sum are two).

    ``context``: keys that a step of the LM looks at.
    """
    hidden = int(config.hidden_scale * config.dim)
    lm_layer = 4 * config.dim**2 + 3 * config.dim * hidden
    rows = songs * (2 if sampling.cfg_lm != 1 else 1)
    tokens = config.block_size + 1
    head = config.dim**2 + config.dim * (config.num_pitch + 1) if config.alignment is None else 0
    lm = tokens * rows * 2 * (config.lm_layers * (lm_layer + 2 * context * config.dim) + head)
    dim = config.diff_dim or config.dim
    hidden = int(config.hidden_scale * dim)
    seen = 2 * config.block_size + 1 + (config.time_cond_type == "prepend")
    seen += config.block_size if config.sketch_fusion == "rows" else 0
    halves = songs * (1 if sampling.dit_guidance == "none" or sampling.cfg_diff == 1 else 2)
    layer = 4 * dim**2 + 3 * dim * hidden
    whole = seen * (layer + 2 * seen * dim)
    # Of the last layer, all rows give keys and values, but only the noisy ones go on.
    last = seen * 3 * dim**2 + config.block_size * (dim**2 + 3 * dim * hidden + 2 * seen * dim)
    dit = sampling.steps * halves * 2 * ((config.diff_layers - 1) * whole + last)
    return float(lm), float(dit)


def priced(
    model: SongModel, sampling: SamplingConfig, block_seconds: float, songs: int, frames: int, plan: RuntimePlan
) -> dict[str, float]:
    """Operations and bytes of a block at the middle of the song, the machine's peaks, and the shares reached."""
    config = model.config
    blocks = frames // config.block_size
    prefix = config.prompt.max_len + config.lyrics.max_len if config.alignment is None else 200
    context = prefix + 1 + (config.block_size + 1) * blocks // 2
    lm, dit = block_flops(config, sampling, songs, context)
    lm_rows = songs * (2 if sampling.cfg_lm != 1 else 1)
    keys = 2 * config.lm_layers * context * config.dim * lm_rows * _bytes_of(plan.kv_cache)
    table = model.sketch.embedding.weight.nbytes
    steps = config.block_size + 1
    moved = steps * (module_bytes(model.sketch) - table + keys) + sampling.steps * module_bytes(model.dit)
    flops_peak, bytes_peak = machine_peaks(plan.torch_device, plan.torch_dtype)
    return {
        "lm_flops": lm,
        "dit_flops": dit,
        "bytes": float(moved),
        "peak_flops_per_second": flops_peak,
        "peak_bytes_per_second": bytes_peak,
        "share_of_arithmetic": (lm + dit) / block_seconds / flops_peak,
        "share_of_bandwidth": moved / block_seconds / bytes_peak,
    }


def _bytes_of(dtype: str) -> int:
    kind: torch.dtype = getattr(torch, dtype)
    return kind.itemsize


def machine_peaks(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations and bytes a second that a large product and a large sum reach here, the best of a few tries."""
    size = 4096 if device.type == "cuda" else 1024
    square = torch.ones(size, size, device=device, dtype=dtype)
    long = torch.ones(2**28 if device.type == "cuda" else 2**25, device=device)
    product = _best(lambda: square @ square, device)
    reading = _best(lambda: long.sum(), device)
    return 2 * size**3 / product, long.nbytes / reading


def _best(work: object, device: torch.device, tries: int = 5) -> float:
    assert callable(work)
    best = float("inf")
    for _ in range(tries):
        if device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best
