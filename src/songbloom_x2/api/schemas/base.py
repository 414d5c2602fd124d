"""What all bodies have in common."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

JOB_ID = "job-8f14e45fceea467f9a1b2c3d4e5f6071"
SONG_ID = "song-c9f0f895fb98ab9159f51fd0297e236d"
STYLE_ID = "style-45c48cce2e2d7fbdea1afc51c7c6ad26"
"""Ids as they stand in examples."""

Moment = Annotated[datetime, Field(description="UTC", examples=["2026-11-25T18:30:00Z"])]


class Given(BaseModel):
    """A body that a client sends. Unknown members are refused: a typing error is not silently without effect."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Told(BaseModel):
    """A body that the server sends."""


class ProblemDetails(Told):
    """RFC 9457. ``type`` is stable for programs; ``detail`` is for people."""

    type: str = Field(examples=["urn:songbloom:problem:not-found"])
    title: str = Field(examples=["There is no such thing here"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no job of this id"])
    request_id: str | None = Field(None, description="Also in the X-Request-ID header and in the server's log")
    errors: list[dict[str, str]] | None = Field(None, description="Field by field, where values are not acceptable")


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)
