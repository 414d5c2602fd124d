"""The command as users run it: another process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="session")
def environment() -> Mapping[str, str]:
    """As little as possible of this process's environment, one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SONGBLOOM_")}
    return {**kept, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
