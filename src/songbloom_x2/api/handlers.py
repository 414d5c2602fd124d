"""Exceptions to problem details: one place for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from songbloom_x2.api.problems import Problem, of_status, response, validation_errors, without_paths
from songbloom_x2.errors import (
    AudioError,
    CheckpointError,
    ConfigError,
    ConflictError,
    LyricsError,
    MissingExtraError,
    NotFoundError,
    QueueFullError,
    QuotaError,
    SongBloomError,
    StorageError,
    StyleError,
)

_KINDS: tuple[tuple[type[SongBloomError], str], ...] = (
    (LyricsError, "lyrics"),
    (StyleError, "style"),
    (AudioError, "audio"),
    (NotFoundError, "not-found"),
    (ConflictError, "conflict"),
    (QuotaError, "quota"),
    (QueueFullError, "queue-full"),
    (StorageError, "unavailable"),
    (ConfigError, "invalid"),
    (CheckpointError, "conflict"),
    (MissingExtraError, "invalid"),
)


def install(app: FastAPI) -> None:
    """Register the handlers. What nobody expected is dealt with by ``middleware.boundary``."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(SongBloomError, _refusal)


async def _http(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return response(error, request.scope)
    known = cast(HTTPException, error)
    kind = of_status(known.status_code)
    headers = {name: value for name, value in (known.headers or {}).items() if name.lower() == "allow"}
    return response(Problem(kind.name, str(known.detail), headers=headers), request.scope)


async def _validation(request: Request, error: Exception) -> Response:
    return response(invalid(cast(RequestValidationError, error)), request.scope)


async def _refusal(request: Request, error: Exception) -> Response:
    return response(refused(cast(SongBloomError, error)), request.scope)


def invalid(error: RequestValidationError) -> Problem:
    """What is wrong with the parameters or the body of a request, field by field."""
    return _told(error.errors())


def invalid_body(error: ValidationError, tags: Collection[str] = ()) -> Problem:
    """The same for a body that was read by hand; ``tags``: the kinds of body that there are."""
    told = []
    for item in error.errors(include_url=False):
        # The first part says which kind of body it was taken for: the client knows that.
        place = item["loc"][1:] if item["loc"] and item["loc"][0] in tags else item["loc"]
        told.append({**item, "loc": ("body", *place)})
    return _told(told)


def _told(errors: Sequence[Mapping[str, Any]]) -> Problem:
    if any(item.get("type") == "json_invalid" for item in errors):
        return Problem("malformed", "the body is not JSON")
    told = validation_errors(errors)
    first = told[0] if told else {"where": "request", "detail": "not acceptable"}
    return Problem("invalid", f"{first['where']}: {first['detail']}", more={"errors": told})


def refused(error: SongBloomError) -> Problem:
    """What a room below refused, as a problem: its message is of one line and for people already."""
    for kind, name in _KINDS:
        if isinstance(error, kind):
            return Problem(name, without_paths(str(error)), retry_after=getattr(error, "retry_after", None))
    return Problem("unavailable", "this could not be done; the log of the server says more")
