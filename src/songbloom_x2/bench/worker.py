"""One configuration, measured in this process: ``python -m songbloom_x2.bench.worker < case.json``."""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from songbloom_x2.bench.case import Case, Measured
from songbloom_x2.bench.memory import device_peak_bytes, forget_peak, peak_bytes
from songbloom_x2.bench.price import priced
from songbloom_x2.bench.sizes import random_config, read_model
from songbloom_x2.checkpoints.load import Placement, load_model
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import FRAME_RATE, RuntimeConfig, SamplingConfig
from songbloom_x2.engine import Generation, SongTask
from songbloom_x2.runtime.apply import apply, codec_scope
from songbloom_x2.runtime.memory import estimated
from songbloom_x2.runtime.plan import RuntimePlan, resolve
from songbloom_x2.runtime.resident import resident_bytes
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition, Steps

LYRICS = tuple(range(1, 5)) * 50
"""Symbols of the embedded model's song; what they mean does not change the time."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Times of one song, or of several side by side: seconds after the start at which each block was there."""

    blocks: tuple[float, ...]
    first_sound: float
    decoding: float
    state_bytes: int


def measure(case: Case) -> Measured:
    """Load, warm up with a song of one block, measure."""
    bare = resident_bytes()
    plan = resolve(RuntimeConfig(**case.runtime))
    started = time.perf_counter()
    with apply(plan):
        watched = _Watched(plan, case, bare)
        model = load_case(case, watched)
        steps = plan.steps(model)
    load = time.perf_counter() - started
    sampling = dataclasses.replace(model.config.sampling, **case.sampling)
    codec = model.codec
    device = plan.torch_device
    block = steps.block_size
    frames = max(block, round(case.seconds * FRAME_RATE / block) * block)
    tasks = [song_task(model, frames, seed) for seed in range(case.songs)]
    with apply(plan):
        cold = _run(steps, [song_task(model, 2 * block, 0)] * case.songs, sampling, plan, codec)
        warm = _run(steps, [song_task(model, 2 * block, 0)] * case.songs, sampling, plan, codec)
        forget_peak(device)
        runs = [_run(steps, tasks, sampling, plan, codec) for _ in range(case.runs)]
        on_device = device_peak_bytes(device)
        peak = peak_bytes()
        if case.trace is not None:
            _trace(steps, tasks, sampling, plan, Path(case.trace))
    seconds = case.songs * frames / FRAME_RATE
    rtfs = sorted((run.blocks[-1] - run.decoding) / seconds for run in runs)
    later = [after - before for run in runs for before, after in zip(run.blocks, run.blocks[1:], strict=False)]
    weights = sum(_bytes_of(part) for part in (model.sketch, model.dit))
    block_seconds = statistics.median(later) if later else runs[0].blocks[0]
    return Measured(
        name=case.name,
        rtf=statistics.median(rtfs),
        rtf_spread=rtfs[-1] - rtfs[0],
        first_audio_s=statistics.median(run.first_sound for run in runs),
        block_s=block_seconds,
        tokens_per_second=case.songs * block / block_seconds,
        codec_rtf=statistics.median(run.decoding for run in runs) / seconds if codec is not None else None,
        peak_memory_bytes=max(peak - bare, 0) if on_device is None else on_device,
        process_peak_bytes=peak,
        estimated_bytes=watched.estimate,
        weights_bytes=weights,
        state_bytes=runs[-1].state_bytes,
        load_s=load,
        compile_s=max(0.0, cold.blocks[-1] - warm.blocks[-1]),
        plan=plan.to_json(),
        price=priced(model, sampling, block_seconds, case.songs, frames, plan),
    )


class _Watched:
    """Places a model by a plan, and notes what it is expected to take."""

    def __init__(self, plan: RuntimePlan, case: Case, bare: int) -> None:
        self._plan, self._case, self._bare = plan, case, bare
        self.estimate = 0

    def place(self, model: SongModel) -> SongModel:
        frames = round(self._case.seconds * FRAME_RATE)
        process = self._bare if self._plan.device == "cpu" else 0
        rows = None if model.config.alignment is None else len(LYRICS)
        self.estimate = estimated(model, self._plan, self._case.songs, process, frames, rows).total
        return self._plan.place(model)


def load_case(case: Case, plan: Placement) -> SongModel:
    """The model of a case, placed as the plan says."""
    if case.weights is None:
        return load_model("embedded", plan).model
    return plan.place(read_model(random_config(case.size), Path(case.weights)))


def song_task(model: SongModel, frames: int, seed: int) -> SongTask:
    """A song of fixed length: EOS is held back until the end."""
    config = model.config
    if config.alignment is not None:
        condition = model.condition(LYRICS, None)
    else:
        generator = torch.Generator().manual_seed(0)
        rows = config.prompt.max_len + config.lyrics.max_len
        like = model.sketch.bos
        drawn = [torch.randn(rows, config.dim, generator=generator) for _ in range(2)]
        prefix, unconditional = (part.to(like.device, like.dtype) for part in drawn)
        condition = SongCondition(prefix, unconditional)
    # A song may be up to one block longer than asked: as released.
    return SongTask(condition, seed, frames - config.block_size + 1, frames)


def _run(steps: Steps, tasks: list[SongTask], sampling: SamplingConfig, plan: RuntimePlan, codec: Codec | None) -> Run:
    _wait(plan)
    started = time.perf_counter()
    generation = Generation(steps, tasks, sampling)
    streams = [None if codec is None else codec.open_stream() for _ in tasks]
    times: list[float] = []
    first_sound = decoding = 0.0
    for made, block in enumerate(generation.blocks(), start=1):
        stream = streams[block.song]
        if stream is not None:
            before = time.perf_counter()
            with codec_scope(plan), torch.inference_mode():
                sound = stream.push(block.latents.float())
            decoding += time.perf_counter() - before
            if sound.shape[-1] and not first_sound:
                first_sound = time.perf_counter() - started
        if made % len(tasks) == 0:
            _wait(plan)
            times.append(time.perf_counter() - started)
    return Run(tuple(times), first_sound or times[0], decoding, generation.state_bytes)


def _wait(plan: RuntimePlan) -> None:
    if plan.device == "cuda":
        torch.cuda.synchronize()


def _bytes_of(part: torch.nn.Module) -> int:
    from songbloom_x2.runtime.footprint import module_bytes

    return module_bytes(part)


@contextmanager
def _profiled(file: Path) -> Iterator[None]:
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    with profile(activities=activities, record_shapes=True) as profiler:
        yield
    profiler.export_chrome_trace(str(file))
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=15), file=sys.stderr)


def _trace(steps: Steps, tasks: list[SongTask], sampling: SamplingConfig, plan: RuntimePlan, file: Path) -> None:
    blocks = Generation(steps, tasks, sampling).blocks()
    next(blocks)
    with _profiled(file):
        next(blocks)
        _wait(plan)
    blocks.close()  # type: ignore[attr-defined]


def main() -> None:
    """A case as JSON on stdin, what was measured as JSON on stdout."""
    case = Case(**json.load(sys.stdin))
    print(json.dumps(measure(case).to_json()))


if __name__ == "__main__":
    main()
