"""The OpenAPI document: what FastAPI finds, the bodies that are read by hand, and this server's own limits."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from songbloom_x2.api.schemas.base import ProblemDetails
from songbloom_x2.api.schemas.job_requests import JOBS
from songbloom_x2.config import JobLimits
from songbloom_x2.jobs.records import ModelRecord

DESCRIPTION = """\
Songs from lyrics and a style. Ask for one with `POST /v1/jobs`, follow it with `GET /v1/jobs/{id}/events`, listen while
it is made with `GET /v1/songs/{id}/stream`, and fetch it with `GET /v1/songs/{id}/audio`.

Refusals are problem details (RFC 9457). Where the server has keys, send one as `Authorization: Bearer KEY`.
"""
_TAGS = (
    ("jobs", "Asking for songs, and watching how they get on"),
    ("songs", "Finished songs, and songs while they are made"),
    ("styles", "What songs may sound like"),
    ("lyrics", "Looking at lyrics before anything is made"),
    ("models", "What can sing here"),
    ("speech", "The form that speech services have"),
    ("health", "For what watches over the server"),
)
_BY_HAND: tuple[type[BaseModel], ...] = (*JOBS, ProblemDetails)
"""Schemas that routes refer to without FastAPI knowing."""


def document(app: FastAPI, limits: JobLimits, model: ModelRecord, *, keyed: bool) -> None:
    """Have ``app.openapi`` give the whole document; ``model``: the default; ``keyed``: whether requests need a key."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _written(app, limits, model, keyed=keyed)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _written(app: FastAPI, limits: JobLimits, model: ModelRecord, *, keyed: bool) -> dict[str, Any]:
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": told} for name, told in _TAGS],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _, found = models_json_schema(
        [(model, "validation") for model in _BY_HAND], ref_template="#/components/schemas/{model}"
    )
    schemas = made["components"]["schemas"]
    schemas |= found["$defs"]
    _limit(schemas, limits, model)
    _without_null(made["paths"])
    if not keyed:
        made["components"].pop("securitySchemes", None)
        for path in made["paths"].values():
            for operation in path.values():
                operation.pop("security", None)
    return made


def _without_null(paths: dict[str, Any]) -> None:
    """Parameters that may be left out: no header or query can say ``null``."""
    for path in paths.values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                options = parameter["schema"].pop("anyOf", None)
                if options is not None:
                    (kept,) = (option for option in options if option.get("type") != "null")
                    parameter["schema"] |= kept


def _limit(schemas: dict[str, Any], limits: JobLimits, model: ModelRecord) -> None:
    """What this server and its model allow, where a schema says what is acceptable."""
    longest = limits.max_duration if model.longest_seconds is None else model.longest_seconds
    shortest = model.shortest_seconds or 0.0
    for name in ("GenerateRequest", "MixRequest", "InterpolateRequest"):
        fields = schemas[name]["properties"]
        fields["lyrics"]["maxLength"] = limits.max_lyrics
        _bound(fields["duration"], shortest, longest)
        if not model.told_tempo:
            del fields["bpm"], fields["key"]
    schemas["InterpolateRequest"]["properties"]["steps"]["maximum"] = limits.max_samples
    sampling = schemas["Sampling"]["properties"]
    sampling["steps"]["maximum"] = limits.max_steps
    for setting in sampling.values():
        # Where one is left out, the model's own value holds.
        setting.pop("default", None)
    for job in JOBS:
        samples = schemas[job.__name__]["properties"]["samples"]
        if "const" not in samples:
            samples["maximum"] = limits.max_samples
    speech = schemas["SpeechRequest"]["properties"]
    speech["input"]["maxLength"] = limits.max_lyrics
    _bound(speech["duration"], shortest, longest)
    schemas["LyricsCheck"]["properties"]["lyrics"]["maxLength"] = limits.max_lyrics


def _bound(field: dict[str, Any], least: float, most: float) -> None:
    for option in field.get("anyOf", [field]):
        if option.get("type") in ("number", "integer"):
            option.pop("exclusiveMinimum", None)
            option |= {"minimum": least, "maximum": most}
