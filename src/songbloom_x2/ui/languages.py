"""The interface's languages: each is a JSON file of texts by name, ``languages/CODE.json``."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"


def language_names() -> dict[str, str]:
    """Code of each language -> its own name for itself."""
    return {path.stem: texts(path.stem)["language.name"] for path in sorted(FOLDER.glob("*.json"))}


def texts(code: str) -> dict[str, str]:
    """The texts of a language."""
    found: dict[str, str] = json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    return found
