"""Forms with files: only the parts that are known, each once; large ones lie on disk, not in memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from songbloom_x2.api.problems import Problem
from songbloom_x2.api.threads import in_thread

_LARGEST_FIELD = 1 << 18


@asynccontextmanager
async def read_form(request: Request, *, fields: Collection[str], files: Collection[str]) -> AsyncIterator[FormData]:
    """The form; its files are closed at the end. Raises ``Problem`` for parts that are not known or come twice."""
    most = len(fields) + len(files)
    try:
        form = await request.form(max_files=most, max_fields=most, max_part_size=_LARGEST_FIELD)
    except (ValueError, LookupError):
        raise Problem("malformed", "the form cannot be read: its boundary, names or encoding are not right") from None
    try:
        seen: set[str] = set()
        for name, _ in form.multi_items():
            if name not in fields and name not in files:
                raise Problem(
                    "invalid", f"'{name[:60]}' is no part of this form; known are {', '.join((*fields, *files))}"
                )
            if name in seen:
                raise Problem("invalid", f"{name}: sent twice")
            seen.add(name)
        yield form
    finally:
        await form.close()


def one_file(form: FormData, name: str) -> tuple[str, BinaryIO] | None:
    """A file's name, as the client calls it, and its bytes; none where it was not sent."""
    part = form.get(name)
    if part is None:
        return None
    if not isinstance(part, UploadFile):
        raise Problem("invalid", f"{name}: must be a file, with a filename in its part's header")
    return part.filename or name, part.file


@asynccontextmanager
async def saved(file: BinaryIO) -> AsyncIterator[Path]:
    """What was sent, as a file with a name of our own, which is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="songbloom-upload-") as folder:
        path = Path(folder) / "sound"
        await in_thread(_copy, file, path)
        yield path


def _copy(file: BinaryIO, path: Path) -> None:
    with path.open("xb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
