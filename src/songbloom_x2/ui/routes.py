"""The page's own routes: its files, texts and examples, and one stream of events for jobs and health."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService
from songbloom_x2.ui.answers import Answers
from songbloom_x2.ui.build import owner_of
from songbloom_x2.ui.examples import example_groups
from songbloom_x2.ui.languages import FOLDER as LANGUAGES
from songbloom_x2.ui.languages import language_names
from songbloom_x2.ui.sign_in import COOKIE

STATIC = Path(__file__).parent / "static"
_LOOK = 0.4
"""Seconds between two looks at the jobs."""
_HEALTH = 2.0
_SIGN_OF_LIFE = 15.0
_SOUNDS = {".flac": "audio/flac", ".mp3": "audio/mpeg"}


def page_routes(service: JobService) -> APIRouter:
    """Everything below ``/studio``, and the page's icon."""
    router = APIRouter(tags=["page"], include_in_schema=False)
    answers = Answers(service)

    # Browsers ask for it by themselves, before they have read the page.
    @router.get("/favicon.ico")
    def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @router.get("/studio/shell.json")
    def shell(request: Request) -> JSONResponse:
        return JSONResponse({"languages": language_names(), "signed": COOKIE in request.cookies})

    @router.get("/studio/examples.json")
    def examples() -> JSONResponse:
        return JSONResponse(example_groups())

    @router.get("/studio/events")
    def events(request: Request) -> StreamingResponse:
        stopping: asyncio.Event | None = getattr(request.app.state, "stopping", None)
        told = _told(answers, owner_of(request), stopping)
        return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.get("/studio/styles/{id}/sound")
    def style_sound(id: str, request: Request) -> FileResponse:
        path = service.style_file(id, owner_of(request))
        return FileResponse(path, media_type=_SOUNDS[path.suffix])

    router.routes.append(Mount("/studio/languages", StaticFiles(directory=LANGUAGES)))
    router.routes.append(Mount("/studio", _Fresh(directory=STATIC)))
    return router


class _Fresh(StaticFiles):
    """Files that a browser asks about again each time, so that page and server are always of one version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _told(answers: Answers, owner: Owner, stopping: asyncio.Event | None) -> AsyncIterator[str]:
    """Jobs and health whenever they have changed, for as long as somebody listens and the server runs."""
    yield "retry: 1000\n\n"
    last: dict[str, str] = {}
    looked = spoken = 0.0
    while stopping is None or not stopping.is_set():
        try:
            found: dict[str, Any] = {"jobs": await anyio.to_thread.run_sync(answers.jobs, owner)}
            if time.monotonic() - looked > _HEALTH:
                looked = time.monotonic()
                found["health"] = await anyio.to_thread.run_sync(answers.health)
        except SongBloomError:
            # The line is cut; the browser takes it up again, and the page says so meanwhile.
            return
        for name, value in found.items():
            text = json.dumps(value)
            if last.get(name) != text:
                last[name], spoken = text, time.monotonic()
                yield f"event: {name}\ndata: {text}\n\n"
        if time.monotonic() - spoken > _SIGN_OF_LIFE:
            spoken = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK)
