"""Writing files so that they are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` by way of a temporary name in the same folder, flushed to disk, then renamed.

    An existing file is replaced in one step. Whatever goes wrong, an interrupt included, the temporary file is
    removed. Raises ``OSError``.
    """
    write_all_atomically({path: data})


def write_all_atomically(contents: Mapping[Path, bytes]) -> None:
    """Files that belong together, as ``write_atomically``: none takes its name before all are on the disk.

    ``OSError.filename`` is the path that could not be written.
    """
    temporaries: dict[Path, Path] = {}
    try:
        for path, data in contents.items():
            temporaries[path] = path.with_name(f".songbloom-{secrets.token_hex(8)}.part")
            _write(temporaries[path], data)
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        for temporary in temporaries.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
