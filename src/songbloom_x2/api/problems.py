"""Problem details (RFC 9457): every refusal as ``application/problem+json``, without traces or paths.

A problem's ``type`` is ``urn:songbloom:problem:NAME``, stable for programs; ``detail`` is for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:songbloom:problem:"
LONGEST_DETAIL = 400
_A_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"]+[/\\])*[^\s/\\:'\",;]+")


@dataclass(frozen=True)
class ProblemKind:
    """One kind of problem: its name, HTTP status and title."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """What a problem of this kind carries as ``type``."""
        return _PREFIX + self.name


_ALL = (
    ProblemKind("malformed", 400, "The request cannot be read"),
    ProblemKind("no-key", 401, "An API key is needed"),
    ProblemKind("forbidden", 403, "This is not allowed"),
    ProblemKind("not-found", 404, "There is no such thing here"),
    ProblemKind("method-not-allowed", 405, "This method does not exist here"),
    ProblemKind("request-timeout", 408, "The request did not arrive in time"),
    ProblemKind("conflict", 409, "This does not fit the present state"),
    ProblemKind("too-large", 413, "The request is too large"),
    ProblemKind("unsupported-media-type", 415, "This kind of content is not understood"),
    ProblemKind("range-not-satisfiable", 416, "There is nothing in this range"),
    ProblemKind("invalid", 422, "A value is not acceptable"),
    ProblemKind("lyrics", 422, "The lyrics cannot be sung"),
    ProblemKind("style", 422, "The style cannot be used"),
    ProblemKind("audio", 422, "The sound cannot be used"),
    ProblemKind("too-many-requests", 429, "Too many requests"),
    ProblemKind("queue-full", 429, "The queue is full"),
    ProblemKind("quota", 429, "The quota of this key is used up"),
    ProblemKind("internal", 500, "Something went wrong on our side"),
    ProblemKind("unavailable", 503, "The server cannot do this now"),
)
KINDS: Mapping[str, ProblemKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind of problem, by name."""
_BY_STATUS = MappingProxyType({kind.status: kind for kind in reversed(_ALL)})


class Problem(HTTPException):
    """A refusal. ``kind`` names one of ``KINDS``; ``more`` are further members; ``retry_after`` is in seconds."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = KINDS[kind]
        self.more = dict(more or {})
        sent = dict(headers or {})
        if retry_after is not None:
            sent["Retry-After"] = str(max(1, round(retry_after)))
        super().__init__(self.kind.status, one_line(detail), headers=sent)


def of_status(status: int) -> ProblemKind:
    """The first kind with this HTTP status; where there is none, that of the whole class of statuses."""
    return _BY_STATUS.get(status) or KINDS["internal" if status >= 500 else "malformed"]


def body(
    kind: ProblemKind, detail: str, request_id: str | None, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The members of a problem document."""
    document = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": detail, **(more or {})}
    return document if request_id is None else {**document, "request_id": request_id}


def response(problem: Problem, scope: Scope) -> Response:
    """The problem as an answer to the request of ``scope``."""
    document = body(problem.kind, str(problem.detail), request_id_of(scope), problem.more)
    return Response(json.dumps(document), problem.status_code, dict(problem.headers or {}), MEDIA_TYPE)


def request_id_of(scope: Scope) -> str | None:
    """The id that ``middleware.request_ids`` gave to this request."""
    state = scope.get("state") or {}
    found = state.get("request_id")
    return found if isinstance(found, str) else None


def without_paths(text: str) -> str:
    """A message of a room below without the server's paths, which are nobody else's business."""
    return _A_PATH.sub("…", text)


def one_line(text: str) -> str:
    """A message on one line of bounded length, whatever was put into it."""
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
    return line if len(line) <= LONGEST_DETAIL else f"{line[: LONGEST_DETAIL // 2]} … {line[-LONGEST_DETAIL // 2 :]}"


def validation_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as ``{"where": "body.request.seed", "detail": …}``; what was given is not repeated."""
    told = []
    for error in errors[:20]:
        where = ".".join(str(part) for part in error.get("loc", ()))
        told.append({"where": one_line(where), "detail": one_line(str(error.get("msg", "not acceptable")))})
    return told
