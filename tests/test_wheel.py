"""The wheel, built and installed by itself, makes a song where there is no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


def test_the_wheel_makes_a_song_offline() -> None:
    script = str(ROOT / "scripts" / "check_wheel.py")
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=1800)
    assert made.returncode == 0, made.stderr[-2000:]
    assert "bytes of song" in made.stdout
