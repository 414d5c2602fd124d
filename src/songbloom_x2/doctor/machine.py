"""Processor, memory, graphics card, and room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from songbloom_x2.doctor.finding import Finding

LEAST_MEMORY = 2.0
"""Gigabytes of memory that the embedded model and torch want together."""
LEAST_DISK = 1.0
"""Gigabytes free below which songs and downloads will soon not fit."""
_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[Finding]:
    """Kind, cores and the instructions that make songs faster."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = _read(cpuinfo)
    name = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    told = f"{name or platform.processor() or platform.machine()}, {cores} cores for this program"
    flags = next((line.split() for line in text.splitlines() if line.startswith(("flags", "Features"))), [])
    found = [feature for feature in _FEATURES if feature in flags]
    if flags and platform.machine() in ("x86_64", "AMD64") and "avx2" not in found:
        yield Finding("cpu", "note", f"{told}, no AVX2", "songs are made, but slowly: a newer processor or a GPU helps")
    else:
        yield Finding("cpu", "ok", told + (f", {' '.join(found)}" if found else ""))


def memory() -> Iterator[Finding]:
    """Memory of the machine, or of the container if that is less."""
    total = _memory()
    if total is None:
        yield Finding("memory", "note", "its size cannot be told on this system")
    elif total < LEAST_MEMORY:
        advice = f"the embedded model wants {LEAST_MEMORY:g} GB: close other programs"
        yield Finding("memory", "note", f"{total:.1f} GB", advice)
    else:
        yield Finding("memory", "ok", f"{total:.1f} GB")


def graphics() -> Iterator[Finding]:
    """Whether torch can use a graphics card, and why not where there is one."""
    import torch

    driver = _driver()
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            told = f"{card.name}, {card.total_memory / 2**30:.0f} GB, CUDA {torch.version.cuda}"
            yield Finding("gpu", "ok", told + (f", driver {driver}" if driver else ""))
    elif torch.backends.mps.is_available():
        yield Finding("gpu", "ok", "Apple GPU (mps)")
    elif driver and torch.version.cuda is None:
        advice = "install a CUDA build of torch: pytorch.org names the index for your driver"
        yield Finding("gpu", "problem", f"there is an NVIDIA driver {driver}, but torch is a build for CPUs", advice)
    elif driver:
        advice = f"update the driver: torch was built for CUDA {torch.version.cuda}"
        yield Finding("gpu", "problem", f"torch cannot use the NVIDIA card (driver {driver})", advice)
    else:
        yield Finding("gpu", "ok", "none; songs are made on the processor")


def disk(folders: Mapping[str, Path]) -> Iterator[Finding]:
    """Room and rights where songs, models and the server's data lie; ``folders`` by what they are for."""
    for what, folder in folders.items():
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free / 1e9
        if not os.access(there, os.W_OK):
            yield Finding(
                "disk", "problem", f"{what}: nothing can be written in {there}", "change its rights, or config.yaml"
            )
        elif free < LEAST_DISK:
            yield Finding(
                "disk", "problem", f"{what}: {free:.1f} GB free at {there}", "make room, or choose another folder"
            )
        else:
            yield Finding("disk", "ok", f"{what}: {free:.0f} GB free at {there}")


def _driver() -> str:
    """Version of the NVIDIA driver, empty without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout else ""


def _memory() -> float | None:
    """Gigabytes."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _read(Path("/sys/fs/cgroup/memory.max")).strip()
    return min(total, int(limit) if limit.isdecimal() else total) / 1e9


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
