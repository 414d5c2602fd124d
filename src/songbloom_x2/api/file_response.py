"""A file as an answer: opened before the answer begins, so that one that is deleted meanwhile is still sent whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from songbloom_x2.api.problems import Problem
from songbloom_x2.api.ranges import asked, unchanged

_CHUNK = 1 << 17


async def file_response(
    request: Request, path: Path, *, etag: str, media_type: str, name: str, headers: Mapping[str, str] | None = None
) -> Response:
    """``path`` for a GET or HEAD with its conditions and range; ``etag`` with its quotes; ``name`` is for downloads."""
    sent = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{name}"',
        **(headers or {}),
    }
    if unchanged(request.headers, etag):
        return Response(status_code=304, headers=sent)
    try:
        file = await anyio.to_thread.run_sync(lambda: path.open("rb"))
    except OSError:
        raise Problem("not-found", "the file of this song is not here any more") from None
    try:
        size = os.fstat(file.fileno()).st_size
        stretch = asked(request.headers, etag, size)
    except BaseException:
        file.close()
        raise
    start, stop = (0, size) if stretch is None else (stretch.start, stretch.stop)
    sent["Content-Length"] = str(stop - start)
    if stretch is not None:
        sent["Content-Range"] = stretch.content_range
    status = 200 if stretch is None else 206
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers=sent, media_type=media_type)
    return StreamingResponse(_read(file, start, stop), status, sent, media_type)


async def _read(file: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes from ``start`` to ``stop``; the file is closed however this ends."""

    def piece(at: int) -> bytes:
        file.seek(at)
        return file.read(min(_CHUNK, stop - at))

    try:
        while start < stop:
            data = await anyio.to_thread.run_sync(piece, start)
            if not data:
                return
            start += len(data)
            yield data
    finally:
        file.close()
