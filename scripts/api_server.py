"""The HTTP server under the name that the public fork's changelog gives it: a thin door to ``songbloom serve``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.cli import main as songbloom

if __name__ == "__main__":
    sys.exit(songbloom(["serve", *sys.argv[1:]]))
