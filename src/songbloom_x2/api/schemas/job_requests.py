"""What may be asked for: songs from nothing, and songs made of songs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from songbloom_x2.api.schemas.base import SONG_ID, Given
from songbloom_x2.api.schemas.sampling import Sampling
from songbloom_x2.api.schemas.words import HAS_WORDS, LYRICS, OneStyle, StyleName, Text
from songbloom_x2.config import (
    DEFAULT_MIX_METHOD,
    MixMethod,
    Optimisation,
    Precision,
    Preset,
    Quantisation,
    RuntimeConfig,
)
from songbloom_x2.errors import ConfigError, LyricsError, StyleError

LARGEST_SEED = 2**53 - 1
"""What every JSON reader keeps exactly; programs may take larger ones through the command line."""


_WORDS_OR_NONE: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"lyrics": {"pattern": HAS_WORDS}, "instrumental": {"const": False}},
            "required": ["lyrics"],
        },
        {
            "type": "object",
            "properties": {"lyrics": {"maxLength": 0}, "instrumental": {"const": True}},
            "required": ["instrumental"],
        },
    ]
}
_TWO_ON_A_SPHERE: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "properties": {"styles": {"maxItems": 2}}},
        {"type": "object", "properties": {"spherical": {"const": False}}},
    ]
}
_SKETCH_OR_BLOCKS: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "properties": {"keep_sketch": {"const": False}}},
        {"type": "object", "properties": {"keep_blocks": {"const": 0}}},
    ]
}


class Machine(Given):
    """How the model runs for these songs, where that is not as the server was told. Loading it anew takes its time."""

    precision: Precision = Field(default=RuntimeConfig.precision, description="Number format of its two large parts")
    quantise: Quantisation = Field(default=RuntimeConfig.quantise, description="Number format of their weights")
    optimisation: Optimisation = Field(default=RuntimeConfig.optimisation, description="A bundle of what speeds it up")


class _NewSong(Given):
    """What requests for songs from nothing have in common."""

    model_config = ConfigDict(json_schema_extra=_WORDS_OR_NONE)

    lyrics: Text = Field("", description="The words; empty for an instrumental", examples=[LYRICS])
    seed: int | None = Field(
        None, ge=0, le=LARGEST_SEED, description="The same seed makes the same song; none: any", examples=[7]
    )
    duration: float | None = Field(
        None, gt=0, description="Seconds at most; none: the model ends by itself", examples=[30]
    )
    title: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="Goes into the file's tags", examples=["City lights"]
    )
    preset: Preset | None = Field(None, description="Speed against quality", examples=["draft"])
    sampling: Sampling = Field(default_factory=Sampling, examples=[{"steps": 12}])
    instrumental: bool = Field(False, description="A song without words")
    bpm: float | None = Field(
        None, ge=60, le=180, description="Beats a minute; none: the style's. Not every model can be told", examples=[96]
    )
    key: str | None = Field(
        None,
        pattern=r"^[A-G](#|b| sharp| flat)?( (minor|major)|m)?$",
        description="None: the style's. Not every model can be told",
        examples=["A minor"],
    )
    model: str | None = Field(
        None, min_length=1, max_length=120, description="A model's name; none: the server's", examples=["embedded"]
    )
    machine: Machine = Field(default_factory=Machine, description="None of its settings given: as the server was told")

    @model_validator(mode="after")
    def _words(self) -> _NewSong:
        if self.instrumental and self.lyrics:
            raise LyricsError("an instrumental has no lyrics: leave out the lyrics, or do not ask for an instrumental")
        if not self.instrumental and not re.search(HAS_WORDS, self.lyrics):
            raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] City lights.'")
        return self


class GenerateRequest(_NewSong):
    """A song from lyrics and a style. Either there are words, or `instrumental` is true."""

    style: StyleName | None = Field(
        None,
        description="Id of an uploaded style, name of one that comes with the model, words that describe one, or a mix "
        "of such with weights, `rock:0.7 soul:0.3`; none: the seed chooses one",
        examples=["country female slow"],
    )
    style_start: float | None = Field(
        None, ge=0, description="Second of an uploaded style where the prompt starts; none: the steadiest stretch"
    )


class StyleShare(Given):
    """A style in a mix."""

    style: OneStyle = Field(description="As in a plain request, but no mix", examples=["rock male"])
    weight: float = Field(gt=0, le=1000, description="Only the proportions of weights count", examples=[0.7])


class _Mixed(BaseModel):
    """How styles are mixed."""

    method: MixMethod = Field(
        DEFAULT_MIX_METHOD,
        description="Where they mix: in the style prompts, behind the model's own encoding of them, or in each of its "
        "predictions (which takes about as many times longer as there are styles)",
    )
    spherical: bool = Field(False, description="On the sphere between two styles, not on the line")


class MixRequest(_NewSong, _Mixed):
    """A song in several styles at once."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_WORDS_OR_NONE, _TWO_ON_A_SPHERE]})

    styles: list[StyleShare] = Field(
        min_length=2,
        max_length=8,
        examples=[[{"style": "rock male", "weight": 0.7}, {"style": "soul female", "weight": 0.3}]],
    )

    @model_validator(mode="after")
    def _two(self) -> MixRequest:
        if self.spherical and len(self.styles) != 2:
            raise StyleError(f"spherical: a sphere lies between two styles, not {len(self.styles)}")
        return self


class InterpolateRequest(_NewSong, _Mixed):
    """Songs of the same words and seed, on the way from one style to another, both ends included."""

    first: OneStyle = Field(description="Where it begins: as a style in a mix", examples=["rock male"])
    second: OneStyle = Field(description="Where it ends", examples=["soul female"])
    steps: int = Field(5, ge=2, description="Songs", examples=[3])


class _ChangedSong(Given):
    """What requests that start from a song have in common."""

    song: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The song's id", examples=[SONG_ID])]
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED, description="None: any", examples=[8])


class _Continued(_ChangedSong):
    """What requests have in common that give a song new words."""

    lyrics: Text = Field("", description="The words of the new part; empty: none in particular", examples=[LYRICS])
    style: StyleName | None = Field(None, description="Another style; none: the song's own", examples=[None])
    title: Annotated[Text, Field(max_length=200)] | None = Field(None, examples=["City lights, again"])
    preset: Preset | None = Field(None, examples=["draft"])
    sampling: Sampling = Field(default_factory=Sampling, examples=[{"steps": 12}])


class ExtendRequest(_Continued):
    """A song that goes on."""

    duration: float | None = Field(None, gt=0, description="Seconds that are added at most", examples=[20])
    start: float | None = Field(None, ge=0, description="Where it goes on from; none: its end", examples=[12.8])


class RepaintRequest(_Continued):
    """A song with a stretch made anew."""

    start: float = Field(ge=0, description="Second where the stretch begins", examples=[4.0])
    end: float = Field(gt=0, description="Second where it ends", examples=[8.0])
    candidates: int = Field(4, ge=1, le=16, description="Takes of which the one that fits best is kept", examples=[4])


class VariationsRequest(_ChangedSong):
    """Other takes of a song: what is named changes, all else stays as the song was made."""

    model_config = ConfigDict(json_schema_extra=_SKETCH_OR_BLOCKS)

    temperature: float | None = Field(None, ge=0, le=10, description="How freely the sketch is drawn", examples=[0.9])
    guidance: float | None = Field(
        None, ge=0, le=20, description="How closely the sound follows its condition (`cfg_diff`)", examples=[1.5]
    )
    style_strength: float | None = Field(
        None,
        ge=0,
        le=2,
        description="1 as it was; less: towards the mean of the model's styles; more: away from it",
        examples=[0.7],
    )
    keep_sketch: bool = Field(False, description="Sing the same melody and words in time, rendered anew")
    keep_blocks: int = Field(0, ge=0, description="So many blocks at the beginning stay", examples=[12])

    @model_validator(mode="after")
    def _one(self) -> VariationsRequest:
        if self.keep_sketch and self.keep_blocks:
            raise ConfigError("keep_sketch, keep_blocks: one or the other: the sketch is kept whole")
        return self


class _Job(Given):
    """What jobs of every kind have."""

    priority: int = Field(0, ge=-10, le=10, description="Higher goes first", examples=[0])
    samples: int = Field(1, ge=1, description="Songs to make, their seeds counting up", examples=[1])


class GenerateJob(_Job):
    """Make songs."""

    type: Literal["generate"]
    request: GenerateRequest


class MixJob(_Job):
    """Make songs in several styles at once."""

    type: Literal["mix"]
    request: MixRequest


class InterpolateJob(_Job):
    """Make songs on the way from one style to another."""

    type: Literal["interpolate"]
    request: InterpolateRequest
    samples: Literal[1] = Field(1, description="As many songs are made as there are steps")


class ExtendJob(_Job):
    """Let a song go on."""

    type: Literal["extend"]
    request: ExtendRequest


class RepaintJob(_Job):
    """Make a stretch of a song anew."""

    type: Literal["repaint"]
    request: RepaintRequest


class VariationsJob(_Job):
    """Make other takes of a song."""

    type: Literal["variations"]
    request: VariationsRequest


JOBS: tuple[type[_Job], ...] = (GenerateJob, MixJob, InterpolateJob, ExtendJob, RepaintJob, VariationsJob)
"""Every kind of body."""
JobBody = Annotated[
    GenerateJob | MixJob | InterpolateJob | ExtendJob | RepaintJob | VariationsJob, Field(discriminator="type")
]
"""What ``POST /v1/jobs`` takes."""
KINDS = ("generate", "mix", "interpolate", "extend", "repaint", "variations")
"""Its types."""
EXAMPLES: dict[str, dict[str, Any]] = {
    "generate": {"lyrics": LYRICS, "style": "country female slow", "seed": 7, "duration": 30},
    "mix": {
        "lyrics": LYRICS,
        "styles": [{"style": "rock male", "weight": 0.7}, {"style": "soul female", "weight": 0.3}],
        "seed": 7,
        "duration": 30,
    },
    "interpolate": {"lyrics": LYRICS, "first": "rock male", "second": "soul female", "steps": 3, "duration": 30},
    "extend": {"song": SONG_ID, "lyrics": "[chorus] Carry me home.", "duration": 20},
    "repaint": {"song": SONG_ID, "start": 4.0, "end": 8.0, "lyrics": "[verse] City lights are leading me on."},
    "variations": {"song": SONG_ID, "keep_blocks": 12},
}
"""A request of each type."""
