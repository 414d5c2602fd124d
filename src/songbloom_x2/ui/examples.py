"""Lyrics to start from: whole examples and empty forms, a JSON file for each language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "examples"


def example_groups() -> list[dict[str, Any]]:
    """``{"language", "name", "examples": [{"title", "kind", "lyrics"}]}`` for each file."""
    groups = []
    for path in sorted(FOLDER.glob("*.json")):
        group = json.loads(path.read_text(encoding="utf-8"))
        for example in group["examples"]:
            example["lyrics"] = "\n".join(example["lyrics"])
        groups.append({"language": path.stem, **group})
    return groups
