"""Songs, and what can be shown of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from songbloom_x2.api.schemas.base import JOB_ID, SONG_ID, Given, Moment, Told, moment
from songbloom_x2.api.schemas.words import LYRICS
from songbloom_x2.jobs.records import SongRecord


class SongOut(Told):
    """A finished song."""

    id: Annotated[str, Field(examples=[SONG_ID])]
    job: Annotated[str, Field(examples=[JOB_ID])]
    type: str = Field(examples=["generate"])
    title: str = Field(examples=["City lights"])
    lyrics: str = Field(examples=[LYRICS])
    style: str | None = Field(examples=["country female slow"])
    model: str = Field(examples=["embedded"])
    seed: int = Field(examples=[7])
    seconds: float = Field(examples=[29.44])
    sample_rate: int = Field(examples=[48000])
    sha256: str = Field(description="Of its FLAC file")
    bytes: int = Field(description="Of its files as they were made", examples=[3_104_221])
    favourite: bool
    created_at: Moment
    deleted_at: Moment | None = Field(description="When it was put away; it can be brought back for a while")
    parents: list[str] = Field(description="Songs that it was made from")
    audio: str = Field(examples=[f"/v1/songs/{SONG_ID}/audio"])

    @classmethod
    def of(cls, song: SongRecord) -> SongOut:
        """The song as it goes over the wire."""
        return cls(
            id=song.id,
            job=song.job,
            type=song.kind,
            title=song.title,
            lyrics=song.lyrics,
            style=song.style,
            model=song.model,
            seed=song.seed,
            seconds=song.seconds,
            sample_rate=song.sample_rate,
            sha256=song.sha256,
            bytes=song.bytes,
            favourite=song.favourite,
            created_at=moment(song.created),
            deleted_at=None if song.deleted is None else moment(song.deleted),
            parents=list(song.parents),
            audio=f"/v1/songs/{song.id}/audio",
        )


class SongPage(Told):
    """Songs, the newest first."""

    songs: list[SongOut]
    next: str | None = Field(description="The before of the next page; none: this is the last", examples=[None])


class SongChange(Given):
    """What may be changed of a song; what is left out stays."""

    title: str | None = Field(None, min_length=1, max_length=200, examples=["Home again"])
    favourite: bool | None = Field(None, examples=[True])
    deleted: bool | None = Field(None, description="False brings a deleted song back", examples=[False])


class Peaks(Told):
    """A song's outline: the lowest and highest sample of each of so many equal stretches, all channels together."""

    seconds: float = Field(examples=[29.44])
    low: list[float] = Field(examples=[[-0.4, -0.61]])
    high: list[float] = Field(examples=[[0.38, 0.66]])
