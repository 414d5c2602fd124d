"""Sampling settings of a request: every field of ``SamplingConfig``, optional, with the range that is checked later."""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from songbloom_x2.api.schemas.base import Given
from songbloom_x2.config import SamplingConfig
from songbloom_x2.jobs.requests import SAMPLING_RANGES


def _fields() -> dict[str, Any]:
    ranges: dict[str, dict[str, Any]] = {name: {"ge": low, "le": high} for name, low, high in SAMPLING_RANGES}
    kinds = typing.get_type_hints(SamplingConfig)
    return {
        field.name: (kinds[field.name], Field(field.default, examples=[field.default], **ranges.get(field.name, {})))
        for field in dataclasses.fields(SamplingConfig)
    }


if TYPE_CHECKING:

    class Sampling(Given):
        """See below."""

else:
    _TOLD = "Sampling settings over those of the preset; what each does is told in docs/config.md."
    Sampling = create_model("Sampling", __base__=Given, __doc__=_TOLD, **_fields())
