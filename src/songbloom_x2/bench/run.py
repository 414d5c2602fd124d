"""All configurations one after the other, each in a process of its own, beside the peer where that is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from songbloom_x2.bench import peer
from songbloom_x2.bench.case import Case
from songbloom_x2.bench.configurations import configuration
from songbloom_x2.bench.probe import compare
from songbloom_x2.bench.sizes import RANDOM, Size, random_config, write_weights
from songbloom_x2.errors import ConfigError, SongBloomError

_PEER = MappingProxyType({"float32": "peer_fp32", "bfloat16": "peer_bf16"})


@dataclass(frozen=True)
class Asked:
    """What is measured. ``peer`` is the Python of the peer's environment, none where it is not asked for."""

    size: Size
    seconds: float
    configurations: Sequence[str]
    runs: int = 3
    songs: int = 1
    threads: int | None = None
    device: str = "auto"
    peer: Path | None = None
    peer_precisions: Sequence[str] | None = None
    """The peer's number formats; none: float32, and bfloat16 where this machine has it (``no_bfloat16``)."""
    trace: Path | None = None
    left_out: Sequence[str] = ()
    """Configurations that would have been measured if this machine computed in bfloat16."""


def no_bfloat16(device: str) -> str | None:
    """Why bfloat16 is not measured unless it is asked for; none where the machine computes in it."""
    if device not in ("auto", "cpu") or (device == "auto" and torch.cuda.is_available()):
        return None
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return None
    return "this CPU has no bfloat16 instructions: a block takes minutes there; name it to measure it all the same"


def run(asked: Asked, told: Callable[[str], None]) -> dict[str, Any]:
    """Results and, with the peer, how near the two are on the same inputs. ``told`` hears of progress."""
    if asked.peer is not None and asked.size not in RANDOM:
        raise ConfigError(f"size '{asked.size}': the peer has no such model; ask for {' or '.join(RANDOM)}")
    chosen = {name: configuration(name) for name in asked.configurations}
    threads = asked.threads or os.cpu_count() or 1
    with _weights(asked.size, told) as (weights, folder):
        results: list[dict[str, Any]] = []
        more: Mapping[str, Any] = {}
        without = no_bfloat16(asked.device)
        left_out = {} if without is None else dict.fromkeys(asked.left_out, without)
        if without is not None and asked.peer is not None and asked.peer_precisions is None:
            left_out[_PEER["bfloat16"]] = without
        base, half = None, None
        if asked.peer is not None and weights is not None:
            beside, more = _ask_peer(asked, asked.peer, weights, folder, threads, told)
            results += beside
            rtfs = {result["name"]: result["rtf"] for result in beside}
            base, half = rtfs.get(_PEER["float32"]), rtfs.get(_PEER["bfloat16"])
        for name, overrides in chosen.items():
            told(name)
            trace = None if asked.trace is None else str(asked.trace / f"{name.replace('=', '-')}.json")
            runtime = {"device": asked.device, "threads": threads, **overrides.get("runtime", {})}
            case = Case(
                name,
                asked.size,
                asked.seconds,
                runtime,
                overrides.get("sampling", {}),
                asked.runs,
                asked.songs,
                None if weights is None else str(weights),
                trace,
            )
            result = in_own_process(case, threads)
            results.append(result)
            told(f"{name}: {result['block_s']:.3f} s a block, RTF {result['rtf']:.3f}")
        for result in results:
            result["speedup_vs_peer"] = None if base is None else base / result["rtf"]
            result["speedup_vs_peer_bf16"] = None if half is None else half / result["rtf"]
    return {"results": results, **more, **({"left_out": left_out} if left_out else {})}


def in_own_process(case: Case, threads: int) -> dict[str, Any]:
    """Measure one case. Raises ``SongBloomError`` with the process's last line where it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "songbloom_x2.bench.worker"],
        input=json.dumps(case.to_json()),
        stdout=subprocess.PIPE,
        stderr=None if case.trace else subprocess.PIPE,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        last = ((done.stderr or "").strip().splitlines() or ["no word"])[-1]
        raise SongBloomError(f"configuration '{case.name}': {last[:300]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def _weights(size: Size, told: Callable[[str], None]) -> Iterator[tuple[Path | None, Path]]:
    with tempfile.TemporaryDirectory(prefix="songbloom-bench-") as name:
        folder = Path(name)
        if size not in RANDOM:
            yield None, folder
            return
        told("drawing weights")
        file = folder / "weights.safetensors"
        write_weights(random_config(size), file)
        yield file, folder


def _ask_peer(
    asked: Asked, python: Path, weights: Path, folder: Path, threads: int, told: Callable[[str], None]
) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    config = random_config(asked.size)
    released, outputs = folder / "released.safetensors", folder / "peer.safetensors"
    peer.write_released(weights, released)
    device = "cpu" if asked.device == "auto" else asked.device
    blocks = max(1, round(asked.seconds * 25 / config.block_size))
    results: list[dict[str, Any]] = []
    natural = ("float32",) if no_bfloat16(asked.device) else ("float32", "bfloat16")
    for dtype in asked.peer_precisions or natural:
        told(f"peer, {dtype}")
        probe = outputs if dtype == "float32" else None
        found = peer.ask(
            python, config, released,
            blocks=blocks, steps=config.sampling.steps, dtype=dtype, device=device, runs=asked.runs, threads=threads,
            probe=probe,
        )  # fmt: skip
        results.append({"name": _PEER[dtype], **found})
        told(f"{_PEER[dtype]}: {found['block_s']:.3f} s a block, RTF {found['rtf']:.3f}")
    return results, {"same_outputs": compare(config, weights, outputs)} if outputs.exists() else {}
