"""``/v1/styles``: what a song may sound like."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from songbloom_x2.api.dependencies import Maker, Reader, Service
from songbloom_x2.api.documented import SOUND_TYPES, StyleId, refusals
from songbloom_x2.api.forms import one_file, read_form, saved
from songbloom_x2.api.problems import Problem
from songbloom_x2.api.schemas.styles import StyleList, StyleOut
from songbloom_x2.api.threads import in_thread

router = APIRouter(prefix="/v1/styles", tags=["styles"])
_LONGEST_NAME = 120
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "WAV, FLAC, MP3, OGG, Opus, AIFF",
                        },
                        "name": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": _LONGEST_NAME,
                            "description": "For people; without it the file's name is taken",
                        },
                    },
                    "required": ["file"],
                    "additionalProperties": False,
                },
                "encoding": {"file": {"contentType": ", ".join(SOUND_TYPES)}},
            }
        },
    }
}


@router.get("", response_model=StyleList, responses=refusals("not-found", "conflict", "invalid"))
def styles(
    owner: Reader,
    service: Service,
    model: Annotated[
        str | None,
        Query(min_length=1, max_length=120, description="Whose own styles to list; none: the server's model"),
    ] = None,
) -> StyleList:
    """The uploaded styles of this key, then those that come with the model."""
    return StyleList(styles=[StyleOut.of(style) for style in service.styles(owner, model=model)])


@router.post(
    "",
    status_code=201,
    response_model=StyleOut,
    responses=refusals("malformed", "unsupported-media-type", "invalid", "style", "quota"),
    openapi_extra=_FORM,
)
async def upload(request: Request, owner: Maker, service: Service) -> StyleOut:
    """Keep a sound as a style. Its `id` is what requests name. Example: `curl -F file=@song.mp3 -F name=mine URL`.

    It is decoded in a process of its own with bounds on memory, time and length.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("unsupported-media-type", "send multipart/form-data with the sound as its part 'file'")
    async with read_form(request, fields=("name",), files=("file",)) as form:
        sound = one_file(form, "file")
        if sound is None:
            raise Problem("invalid", "file: the part is missing; it holds the sound")
        name = form.get("name", sound[0][:_LONGEST_NAME])
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
            raise Problem("invalid", f"name: must be a text of 1 to {_LONGEST_NAME} characters")
        async with saved(sound[1]) as file:
            return StyleOut.of(await in_thread(service.add_style, owner, name, file))


@router.delete("/{style_id}", status_code=204, responses=refusals("not-found", "invalid"))
def delete(style_id: StyleId, owner: Maker, service: Service) -> Response:
    """Delete an uploaded style. Jobs that wait may still use it."""
    service.delete_style(style_id, owner)
    return Response(status_code=204)
