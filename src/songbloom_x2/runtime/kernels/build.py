"""Compiling ``steps.cpp`` for this machine, once; the result lies in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from songbloom_x2.errors import RuntimePlanError

SOURCE = Path(__file__).with_name("steps.cpp")
FLAGS = (
    *("-O3", "-march=native", "-std=c++17", "-fopenmp", "-shared", "-fPIC"),
    # Not -ffast-math: it would change how the whole process rounds the smallest numbers.
    *("-fno-math-errno", "-fno-trapping-math"),
)


def compiler() -> str | None:
    """The C++ compiler of this machine."""
    return next((found for name in ("g++", "clang++") if (found := shutil.which(name)) is not None), None)


def obstacle() -> str | None:
    """Why the kernels cannot be had here; none where they can be compiled."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "written for x86 CPUs under Linux"
    instructions = _instructions()
    if not {"avx2", "fma"} <= instructions:
        return "need a CPU with AVX2"
    if compiler() is None:
        return "need a C++ compiler: install g++"
    return None


def built(environment: Mapping[str, str] = os.environ) -> Path:
    """The compiled library. Raises ``RuntimePlanError`` where it cannot be compiled."""
    found = obstacle()
    program = compiler()
    if found is not None or program is None:
        raise RuntimePlanError(f"kernels 'own': {found}")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    files = (SOURCE, *sorted(SOURCE.parent.glob("*.h")))
    text = (file.read_text(encoding="utf-8") for file in files)
    what = "\n".join((*text, *FLAGS, version, *sorted(_instructions())))
    file = _folder(environment) / f"steps-{hashlib.sha256(what.encode()).hexdigest()[:16]}.so"
    if file.is_file():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            made = Path(folder) / file.name
            done = subprocess.run(
                [program, *FLAGS, "-o", str(made), str(SOURCE)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no word"])[0]
                raise RuntimePlanError(f"kernels 'own': {program} failed: {last[:200]}; ask for --kernels torch")
            made.replace(file)
    except OSError as error:
        raise RuntimePlanError(
            f"kernels 'own': {file.parent} cannot be written: {error.strerror}; set XDG_CACHE_HOME"
        ) from None
    return file


def _folder(environment: Mapping[str, str]) -> Path:
    named = environment.get("XDG_CACHE_HOME")
    base = (
        Path(named) if named and Path(named).is_absolute() else Path(environment.get("HOME") or Path.home()) / ".cache"
    )
    return base / "songbloom" / "kernels"


def _instructions() -> set[str]:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return set()
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()
