"""The OpenAI form of a request for sound: lyrics as the input, a style as the voice."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from songbloom_x2.api.schemas.base import Given
from songbloom_x2.api.schemas.job_requests import LARGEST_SEED
from songbloom_x2.api.schemas.words import LYRICS, StyleName, SungText, Text
from songbloom_x2.config import Preset
from songbloom_x2.jobs.streaming import StreamFormat

ANY_STYLE = "any"
"""The voice that leaves the choice to the seed."""


class VoiceId(Given):
    """A voice named by its id."""

    id: StyleName = Field(examples=["country female slow"])


class SpeechRequest(Given):
    """As `client.audio.speech.create(...)` of the `openai` package sends it.

    `speed` and `instructions` are not taken: nothing here would follow them.
    `seed`, `duration`, `preset` and `title` are ours: give them as `extra_body`.
    """

    model: str = Field(min_length=1, max_length=120, description="A model's name", examples=["embedded"])
    input: SungText = Field(description="The lyrics", examples=[LYRICS])
    voice: StyleName | VoiceId = Field(
        description=f"The style: a name, words, or an uploaded style's id; `{ANY_STYLE}` leaves it to the seed",
        examples=["country female slow"],
    )
    response_format: StreamFormat = Field(
        "mp3", description="`pcm`: 16 bits, one channel, 24 kHz, no header", examples=["mp3"]
    )
    stream_format: Literal["audio"] = Field("audio", description="The body is the sound itself")
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED, examples=[7])
    duration: float | None = Field(None, gt=0, description="Seconds at most", examples=[30])
    preset: Preset | None = Field(None, examples=["draft"])
    title: Annotated[Text, Field(max_length=200)] | None = Field(None, examples=["City lights"])

    def as_request(self) -> dict[str, object]:
        """The same as a request of the type ``generate``."""
        voice = self.voice if isinstance(self.voice, str) else self.voice.id
        return {
            "lyrics": self.input,
            "model": self.model,
            "style": None if voice == ANY_STYLE else voice,
            "seed": self.seed,
            "duration": self.duration,
            "preset": self.preset,
            "title": self.title,
        }
