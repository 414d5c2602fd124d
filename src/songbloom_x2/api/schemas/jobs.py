"""Jobs: what may be asked for, and where it stands."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from songbloom_x2.api.problems import without_paths
from songbloom_x2.api.schemas.base import JOB_ID, SONG_ID, Given, Moment, Told, moment
from songbloom_x2.api.schemas.sampling import Sampling
from songbloom_x2.api.schemas.words import HAS_WORDS, StyleName, Text
from songbloom_x2.config import Preset
from songbloom_x2.errors import LyricsError
from songbloom_x2.jobs.records import Job, JobState

LARGEST_SEED = 2**53 - 1
"""What every JSON reader keeps exactly; programs may take larger ones through the command line."""
LYRICS = "[verse] City lights are calling me home. Every road is leading me on."
"""The words of every example."""


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


class GenerateRequest(Given):
    """A song from lyrics and a style. Either there are words, or `instrumental` is true."""

    model_config = ConfigDict(json_schema_extra=_WORDS_OR_NONE)

    lyrics: Text = Field("", description="The words; empty for an instrumental", examples=[LYRICS])
    style: StyleName | None = Field(
        None,
        description="Id of an uploaded style, name of one that comes with the model, or words that describe one; "
        "none: the seed chooses one",
        examples=["country female slow"],
    )
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
    style_start: float | None = Field(
        None, ge=0, description="Second of an uploaded style where the prompt starts; none: the steadiest stretch"
    )
    instrumental: bool = Field(False, description="A song without words")
    model: str | None = Field(
        None, min_length=1, max_length=120, description="A model's name; none: the server's", examples=["embedded"]
    )

    @model_validator(mode="after")
    def _words(self) -> GenerateRequest:
        if self.instrumental and self.lyrics:
            raise LyricsError("an instrumental has no lyrics: leave out the lyrics, or do not ask for an instrumental")
        if not self.instrumental and not re.search(HAS_WORDS, self.lyrics):
            raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] City lights.'")
        return self


class _JobRequest(Given):
    """What jobs of every kind have."""

    samples: int = Field(1, ge=1, description="Songs to make, their seeds counting up", examples=[1])
    priority: int = Field(0, ge=-10, le=10, description="Higher goes first", examples=[0])


class GenerateJob(_JobRequest):
    """Make songs."""

    type: Literal["generate"]
    request: GenerateRequest


class _ChangedSong(Given):
    """What requests that start from a song have in common."""

    song: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The song's id", examples=[SONG_ID])]
    lyrics: Text = Field("", description="The words of the new part; empty: none in particular", examples=[LYRICS])
    style: StyleName | None = Field(None, description="Another style; none: the song's own", examples=[None])
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED, description="None: any", examples=[8])
    title: Annotated[Text, Field(max_length=200)] | None = Field(None, examples=["City lights, again"])
    preset: Preset | None = Field(None, examples=["draft"])
    sampling: Sampling = Field(default_factory=Sampling, examples=[{"steps": 12}])


class ExtendRequest(_ChangedSong):
    """A song that goes on."""

    duration: float | None = Field(None, gt=0, description="Seconds that are added at most", examples=[20])
    start: float | None = Field(None, ge=0, description="Where it goes on from; none: its end", examples=[12.8])


class RepaintRequest(_ChangedSong):
    """A song with a stretch made anew."""

    start: float = Field(ge=0, description="Second where the stretch begins", examples=[4.0])
    end: float = Field(gt=0, description="Second where it ends", examples=[8.0])
    candidates: int = Field(4, ge=1, le=16, description="Takes of which the one that fits best is kept", examples=[4])


class ExtendJob(_JobRequest):
    """Let a song go on."""

    type: Literal["extend"]
    request: ExtendRequest


class RepaintJob(_JobRequest):
    """Make a stretch of a song anew."""

    type: Literal["repaint"]
    request: RepaintRequest


JobBody = Annotated[GenerateJob | ExtendJob | RepaintJob, Field(discriminator="type")]
"""What ``POST /v1/jobs`` takes."""
KINDS = ("generate", "extend", "repaint")
"""Its types."""


class JobProgress(Told):
    """How far all songs of a job have come together."""

    blocks_done: int = Field(examples=[12])
    blocks_expected: int = Field(description="An estimate, until the last song has ended", examples=[47])
    seconds_made: float = Field(description="Of sound", examples=[7.68])


class PromisedSong(Told):
    """A song of a job: its id is known before it is made."""

    id: Annotated[str, Field(examples=[SONG_ID])]
    finished: bool
    stream: str = Field(description="Its sound while it is made", examples=[f"/v1/songs/{SONG_ID}/stream"])
    audio: str = Field(description="Its sound once it is finished", examples=[f"/v1/songs/{SONG_ID}/audio"])


class FinishedSong(Told):
    """A song that is done."""

    id: Annotated[str, Field(examples=[SONG_ID])]


class JobResult(Told):
    """What a job has made so far."""

    songs: list[FinishedSong]


class JobOut(Told):
    """A job."""

    id: Annotated[str, Field(examples=[JOB_ID])]
    type: str = Field(examples=["generate"])
    state: JobState
    model: str = Field(examples=["embedded"])
    samples: int = Field(examples=[1])
    priority: int = Field(examples=[0])
    queue_position: int | None = Field(description="0 is the next; none where it does not wait", examples=[None])
    progress: JobProgress
    eta_seconds: float | None = Field(description="Estimated, until it is done", examples=[31.5])
    attempts: int = Field(description="How often it was begun", examples=[1])
    cancel_requested: bool
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    request: dict[str, Any] = Field(description="What was asked for", examples=[{"lyrics": LYRICS, "seed": 7}])
    songs: list[PromisedSong]
    result: JobResult
    error: str | None = Field(description="Why it failed, in one line")

    @classmethod
    def of(cls, job: Job) -> JobOut:
        """The job as it goes over the wire."""
        return cls(
            id=job.id,
            type=job.kind,
            state=job.state,
            model=job.model,
            samples=job.samples,
            priority=job.priority,
            queue_position=job.position,
            progress=JobProgress(
                blocks_done=job.blocks_done, blocks_expected=job.blocks_expected, seconds_made=job.seconds_made
            ),
            eta_seconds=job.eta,
            attempts=job.attempts,
            cancel_requested=job.cancel_requested,
            created_at=moment(job.created),
            started_at=None if job.started is None else moment(job.started),
            finished_at=None if job.finished is None else moment(job.finished),
            request=dict(job.request),
            songs=[
                PromisedSong(
                    id=song,
                    finished=song in job.songs,
                    stream=f"/v1/songs/{song}/stream",
                    audio=f"/v1/songs/{song}/audio",
                )
                for song in job.song_ids
            ],
            result=JobResult(songs=[FinishedSong(id=song) for song in job.songs]),
            error=None if job.error is None else without_paths(job.error),
        )


class JobPage(Told):
    """Jobs, the newest first."""

    jobs: list[JobOut]
    next: str | None = Field(description="The before of the next page; none: this is the last", examples=[None])
