"""Models: what can be asked for, and what is loaded."""

from __future__ import annotations

from pydantic import Field

from songbloom_x2.api.problems import without_paths
from songbloom_x2.api.schemas.base import Told
from songbloom_x2.jobs.records import ModelRecord


class ModelOut(Told):
    """A model."""

    name: str = Field(examples=["embedded"])
    about: str = Field(examples=["comes with the package"])
    licence: str = Field(examples=["Apache-2.0"])
    default: bool = Field(description="Makes the songs of requests that name none")
    loaded: int = Field(description="Workers that hold it", examples=[1])
    problem: str | None = Field(description="Why it cannot be used", examples=[None])
    shortest_seconds: float | None = Field(examples=[0.64])
    longest_seconds: float | None = Field(examples=[240.0])
    sample_rate: int | None = Field(examples=[48000])
    styles: int = Field(description="Styles that come with it", examples=[24])
    real_time_factor: float | None = Field(
        description="Seconds of work for a second of song, measured here; none before the first", examples=[0.6]
    )

    @classmethod
    def of(cls, model: ModelRecord) -> ModelOut:
        """The model as it goes over the wire."""
        made = cls.model_validate(model, from_attributes=True)
        return made if made.problem is None else made.model_copy(update={"problem": without_paths(made.problem)})


class ModelList(Told):
    """All models that this server knows."""

    models: list[ModelOut]


class WorkersAsked(Told):
    """How many workers were asked."""

    workers: int = Field(examples=[1])
