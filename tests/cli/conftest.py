"""The command as users run it: another process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"
LYRICS = "[verse] City lights are calling me home."

Songbloom = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def environment() -> Mapping[str, str]:
    """As little as possible of this process's environment, one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SONGBLOOM_")}
    return {**kept, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def songbloom(environment: Mapping[str, str]) -> Songbloom:
    """Run ``songbloom ARGUMENTS``; gives exit code, stdout and stderr."""

    def run(*arguments: object, cwd: Path | None = None, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "songbloom_x2", *(str(argument) for argument in arguments)]
        return subprocess.run(
            command, env=dict(environment), cwd=cwd, input=stdin, capture_output=True, text=True, timeout=120
        )

    return run
