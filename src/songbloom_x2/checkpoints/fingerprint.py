"""SHA-256 of files: what a manifest and a config use to say which weights they mean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from songbloom_x2.errors import CheckpointError

_CHUNK = 2**22


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of one file's bytes."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    return digest.hexdigest()


def fingerprint(files: Iterable[Path]) -> str:
    """One SHA-256 over the contents of several files, in this order; names and places do not matter."""
    return joined(file_sha256(file) for file in files)


def joined(digests: Iterable[str]) -> str:
    """One SHA-256 for several files' own, in this order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
