"""Styles: those that come with the models, and uploaded ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from songbloom_x2.api.schemas.base import STYLE_ID, Moment, Told, moment
from songbloom_x2.jobs.records import StyleRecord


class StyleOut(Told):
    """A style; ``id`` is what a request names."""

    id: Annotated[str, Field(examples=[STYLE_ID])]
    name: str = Field(examples=["my song"])
    source: Literal["upload", "model"]
    tags: list[str] = Field(examples=[["country", "female", "slow"]])
    tempo: float | None = Field(description="Beats a minute", examples=[92.0])
    key: int | None = Field(description="2 x root + minor: C major 0, C minor 1, C sharp major 2", examples=[0])
    seconds: float | None = Field(examples=[12.5])
    created_at: Moment | None

    @classmethod
    def of(cls, style: StyleRecord) -> StyleOut:
        """The style as it goes over the wire."""
        return cls(
            id=style.id,
            name=style.name,
            source=style.source,
            tags=list(style.tags),
            tempo=style.tempo,
            key=style.key,
            seconds=style.seconds,
            created_at=None if style.created is None else moment(style.created),
        )


class StyleList(Told):
    """All styles that a request may name."""

    styles: list[StyleOut]
