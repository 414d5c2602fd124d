"""Exports of a model: a thin door to ``songbloom export``.

python scripts/export_model.py onnx --out output/onnx
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.cli import main as songbloom

if __name__ == "__main__":
    sys.exit(songbloom(["export", *sys.argv[1:]]))
