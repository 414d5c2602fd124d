"""A thin door to ``songbloom bench``, under the name of the public fork's program."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.cli import main as songbloom

if __name__ == "__main__":
    sys.exit(songbloom(["bench", *sys.argv[1:]]))
