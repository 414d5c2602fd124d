"""Pieces of the OpenAPI document that routes share: ids in paths, refusals, bodies that are no JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from songbloom_x2.api.problems import KINDS, MEDIA_TYPE
from songbloom_x2.api.schemas.base import JOB_ID, SONG_ID, STYLE_ID

_ID = r"^[A-Za-z0-9_-]{1,64}$"
JobId = Annotated[str, Path(pattern=_ID, description="A job's id", examples=[JOB_ID])]
SongId = Annotated[str, Path(pattern=_ID, description="A song's id", examples=[SONG_ID])]
StyleId = Annotated[str, Path(pattern=_ID, description="An uploaded style's id", examples=[STYLE_ID])]
ModelName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=120,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="A model's name",
        examples=["embedded"],
    ),
]
Before = Annotated[str | None, Query(pattern=_ID, description="Only what is older than the one of this id")]
SOUND_TYPES = ("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg", "audio/aiff")
"""What an uploaded sound may be; what it is called does not matter."""

Responses = dict[int | str, dict[str, Any]]
_ANYWHERE = ("no-key", "forbidden", "too-large", "too-many-requests", "internal", "unavailable")
"""What may happen to any request that needs a key."""


def refusals(*names: str) -> Responses:
    """The refusals of an operation, by kind, and those that every operation may meet; each with an example."""
    found: dict[int, list[str]] = {}
    for name in (*names, *_ANYWHERE):
        found.setdefault(KINDS[name].status, []).append(name)
    made: Responses = {}
    for status, kinds in sorted(found.items()):
        first = KINDS[kinds[0]]
        example = {"type": first.uri, "title": first.title, "status": status, "detail": first.title.lower()}
        made[status] = {
            "description": "; ".join(KINDS[kind].title for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "example": example}},
        }
    return made


def binary(description: str, *media_types: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """An answer of bytes."""
    told = {name: {"description": text, "schema": {"type": "string"}} for name, text in (headers or {}).items()}
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media_types}
    return {"description": description, "content": content, **({"headers": told} if told else {})}
