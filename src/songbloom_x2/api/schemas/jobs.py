"""Jobs: where they stand."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from songbloom_x2.api.problems import without_paths
from songbloom_x2.api.schemas.base import JOB_ID, SONG_ID, Moment, Told, moment
from songbloom_x2.api.schemas.words import LYRICS
from songbloom_x2.jobs.records import Job, JobState


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
