"""Lyrics, and what is worth telling about them."""

from __future__ import annotations

from pydantic import Field

from songbloom_x2.api.schemas.base import Given, Told
from songbloom_x2.api.schemas.words import LYRICS
from songbloom_x2.types import PreparedLyrics


class LyricsCheck(Given):
    """Lyrics to look at."""

    lyrics: str = Field(min_length=1, examples=[LYRICS])
    model: str | None = Field(
        None,
        min_length=1,
        max_length=120,
        description="Who would sing; none: the server's model",
        examples=["embedded"],
    )
    duration: float | None = Field(None, gt=0, le=3600, description="Warn where they need longer", examples=[30])
    instrumental: bool = Field(False, description="Allow lyrics without words")


class FindingOut(Told):
    """Something worth telling, and where; lines and columns count from 1."""

    severity: str = Field(examples=["warning"])
    code: str = Field(description="Stable, for programs", examples=["guessed-word"])
    line: int = Field(examples=[1])
    column: int = Field(examples=[9])
    message: str = Field(examples=["'dreamwave' is in no dictionary: its sound is guessed"])


class LyricsOut(Told):
    """What would be sung."""

    text: str = Field(description="The canonical form; empty where nothing can be sung", examples=[LYRICS])
    estimated_seconds: float = Field(examples=[9.4])
    findings: list[FindingOut]

    @classmethod
    def of(cls, prepared: PreparedLyrics) -> LyricsOut:
        """Prepared lyrics as they go over the wire."""
        return cls(
            text=prepared.text,
            estimated_seconds=prepared.estimated_seconds,
            findings=[FindingOut.model_validate(finding, from_attributes=True) for finding in prepared.findings],
        )

    @classmethod
    def refused(cls, why: str) -> LyricsOut:
        """Lyrics that cannot be sung at all."""
        finding = FindingOut(severity="error", code="refused", line=1, column=1, message=why)
        return cls(text="", estimated_seconds=0, findings=[finding])
