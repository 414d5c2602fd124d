"""An exported model on the bench: ``python -m songbloom_x2.bench.exported < case.json``, in a process without torch.

What is measured has the same names as in ``case.Measured``, so that both stand in one table.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.bench.memory import forget_peak, peak_bytes, resident_bytes
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.onnx_runtime.draws import SeededDraws
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.song import SongTask, song_blocks
from songbloom_x2.onnx_runtime.sound import SoundStream

KINDS = ("onnx", "int8")


@dataclass(frozen=True)
class ExportedCase:
    """One export: its folder, the length of the song in seconds, how often, on how many CPU threads."""

    folder: str
    seconds: float
    runs: int
    threads: int


@dataclass(frozen=True)
class _Run:
    blocks: tuple[float, ...]
    """Seconds after the start at which each block was there."""
    first_sound: float
    decoding: float


def measure(case: ExportedCase) -> dict[str, Any]:
    """Open, warm up with a song of two blocks, measure. Raises ``CheckpointError``, ``ConfigError``."""
    bare = resident_bytes()
    started = time.perf_counter()
    folder = ExportFolder.open(Path(case.folder), check=True)
    if folder.kind not in KINDS:
        raise ConfigError(f"{case.folder}: an export of kind '{folder.kind}'; the benchmark runs ONNX exports")
    graphs = OnnxGraphs(folder.files, case.threads)
    block = folder.config.block_size
    _run(graphs, folder, 2 * block)
    load = time.perf_counter() - started
    frames = max(block, round(case.seconds * FRAME_RATE / block) * block)
    forget_peak()
    runs = [_run(graphs, folder, frames) for _ in range(case.runs)]
    seconds = frames / FRAME_RATE
    rtfs = sorted((run.blocks[-1] - run.decoding) / seconds for run in runs)
    later = [after - before for run in runs for before, after in zip(run.blocks, run.blocks[1:], strict=False)]
    block_seconds = statistics.median(later) if later else runs[0].blocks[0]
    sizes = {name: sum(entry["bytes"] for entry in graph["files"].values())
             for name, graph in folder.described["graphs"].items()}  # fmt: skip
    return {
        "name": "onnx" if folder.kind == "onnx" else "onnx_int8",
        "rtf": statistics.median(rtfs),
        "rtf_spread": rtfs[-1] - rtfs[0],
        "first_audio_s": statistics.median(run.first_sound for run in runs),
        "block_s": block_seconds,
        "tokens_per_second": block / block_seconds,
        "codec_rtf": statistics.median(run.decoding for run in runs) / seconds,
        "peak_memory_bytes": max(peak_bytes() - bare, 0),
        "process_peak_bytes": peak_bytes(),
        "weights_bytes": sum(size for name, size in sizes.items() if name not in ("encode", "decode")),
        "load_s": load,
        "plan": graphs.description,
    }


def _run(graphs: OnnxGraphs, folder: ExportFolder, frames: int) -> _Run:
    """One song of ``frames``: its end is held back until then."""
    ids = tuple(next(iter(folder.examples().values()))["ids"])
    style = next(iter(folder.styles.values()), None)
    # A song may be up to one block longer than asked: as released.
    task = SongTask(ids, style, folder.config.sampling, frames - folder.config.block_size + 1, frames)
    stream, times = SoundStream(graphs, folder, folder.config.block_size), []
    first_sound = decoding = 0.0
    started = time.perf_counter()
    for block in song_blocks(graphs, folder, task, SeededDraws(0)):
        before = time.perf_counter()
        sound = stream.push(block.latents)
        decoding += time.perf_counter() - before
        times.append(time.perf_counter() - started)
        if sound.shape[1] and not first_sound:
            first_sound = times[-1]
    return _Run(tuple(times), first_sound or times[0], decoding)


def in_own_process(case: ExportedCase) -> dict[str, Any]:
    """Measure in a process that has no torch. Raises ``SongBloomError`` with its last line where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "songbloom_x2.bench.exported"],
        input=json.dumps(asdict(case)),
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(case.threads)},
        check=False,
    )
    if done.returncode:
        raise SongBloomError((done.stderr.strip().splitlines() or [f"{case.folder}: no word"])[-1][:300])
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    """A case as JSON on stdin, what was measured as JSON on stdout."""
    try:
        print(json.dumps(measure(ExportedCase(**json.load(sys.stdin)))))
    except SongBloomError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
