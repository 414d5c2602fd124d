"""The documentation of the settings, from the docstrings of config.py.

python scripts/config_reference.py            print the page
python scripts/config_reference.py --write    write docs/config.md and docs/config.example.yaml
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from songbloom_x2.settings.reference import example, markdown  # noqa: E402 - also where nothing is installed

PAGES = {"config.md": markdown, "config.example.yaml": example}

if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        for name, made in PAGES.items():
            (ROOT / "docs" / name).write_text(made(), encoding="utf-8")
    else:
        print(markdown(), end="")
