"""What was downloaded, written beside it: size and SHA-256 of every file, noted once and checked from then on."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.errors import CheckpointError

RECORD_FILE = "download.json"


@dataclass(frozen=True)
class RecordedFile:
    """One file as it was when it came."""

    size: int
    sha256: str


def read_record(folder: Path) -> dict[str, RecordedFile]:
    """Recorded files by name; none where nothing was recorded. Raises ``CheckpointError`` for a damaged record."""
    path = folder / RECORD_FILE
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): RecordedFile(int(file["bytes"]), str(file["sha256"])) for name, file in recorded.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path}: damaged; remove it if you trust the files beside it") from None


def write_record(folder: Path, files: Mapping[str, RecordedFile], about: Mapping[str, Any]) -> None:
    """Write the record whole; ``about`` says where the files came from."""
    described = {name: {"bytes": file.size, "sha256": file.sha256} for name, file in sorted(files.items())}
    text = json.dumps({**about, "files": described}, ensure_ascii=False, indent=1) + "\n"
    handle, name = tempfile.mkstemp(prefix=f".{RECORD_FILE}.", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(folder / RECORD_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def check_recorded(digests: Mapping[Path, str]) -> None:
    """Raise ``CheckpointError`` where a file's SHA-256 is not the one recorded beside it."""
    for folder in {path.parent for path in digests}:
        for name, recorded in read_record(folder).items():
            found = digests.get(folder / name)
            if found is not None and found != recorded.sha256:
                raise CheckpointError(
                    f"{folder / name}: its checksum is not that of the download ({RECORD_FILE}); damaged or replaced"
                )
