"""The body of ``POST /v1/jobs``: JSON, or a form with the same JSON as its part ``job`` and sound as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from songbloom_x2.api.documented import SOUND_TYPES
from songbloom_x2.api.forms import one_file, read_form, saved
from songbloom_x2.api.handlers import invalid_body
from songbloom_x2.api.problems import Problem
from songbloom_x2.api.schemas.job_requests import EXAMPLES, JOBS, KINDS, JobBody
from songbloom_x2.api.threads import in_thread
from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService

_JOB = {
    "oneOf": [{"$ref": f"#/components/schemas/{job.__name__}"} for job in JOBS],
    "discriminator": {"propertyName": "type"},
}
_EXAMPLES = {kind: {"value": {"type": kind, "request": request}} for kind, request in EXAMPLES.items()}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _JOB, "examples": _EXAMPLES},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "job": _JOB,
                        "style": {
                            "type": "string",
                            "format": "binary",
                            "description": "Sound that is kept among the styles and taken as the song's, if it has one",
                        },
                    },
                    "required": ["job"],
                    "additionalProperties": False,
                },
                "encoding": {
                    "job": {"contentType": "application/json"},
                    "style": {"contentType": ", ".join(SOUND_TYPES)},
                },
                "example": {"job": _EXAMPLES["generate"]["value"]},
            },
        },
    }
}
"""For the OpenAPI document."""

_BODY: TypeAdapter[JobBody] = TypeAdapter(JobBody)
"""Made once: it takes longer than reading a body with it."""


@dataclass(frozen=True)
class AskedJob:
    """What ``JobService.submit`` needs."""

    kind: str
    request: dict[str, Any]
    samples: int
    priority: int
    takes_style: bool
    """Whether a sound may be sent with it: a mix, for one, names all of its styles."""


async def read_job(request: Request, service: JobService, owner: Owner) -> AskedJob:
    """The job that a request asks for; its files are decoded and kept. Raises ``Problem``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _asked(await request.body())
    if kind != "multipart/form-data":
        raise Problem("unsupported-media-type", "send application/json or multipart/form-data")
    async with read_form(request, fields=("job",), files=("style",)) as form:
        given = form.get("job")
        if given is None:
            raise Problem("invalid", "job: the part is missing; it holds the same JSON as a plain request")
        asked = _asked((await given.read()) if isinstance(given, UploadFile) else given.encode())
        sound = one_file(form, "style")
        if sound is not None:
            if not asked.takes_style:
                raise Problem(
                    "conflict", f"style: a job of type '{asked.kind}' takes no sound; keep it among the styles first"
                )
            if asked.request.get("style") is not None:
                raise Problem("conflict", "style: named in the job and sent as a file; choose one")
            async with saved(sound[1]) as file:
                asked.request["style"] = (await in_thread(service.add_style, owner, sound[0], file)).id
        return asked


def _asked(data: bytes) -> AskedJob:
    try:
        body = _BODY.validate_json(data)
    except ValidationError as error:
        raise invalid_body(error, KINDS) from None
    request = body.request.model_dump(exclude_unset=True)
    return AskedJob(body.type, request, body.samples, body.priority, "style" in type(body.request).model_fields)
