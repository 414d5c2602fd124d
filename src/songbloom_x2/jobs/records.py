"""What the service hands out: jobs, songs, styles, models and events, as frozen values. No SQL, no tensors here.

Times are seconds since 1970 (UTC). Ids are random and say nothing about their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
EventKind = Literal["queued", "started", "progress", "song", "requeued", "succeeded", "failed", "cancelled"]

FINAL_STATES: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")
"""Nothing happens to a job any more once it is in one of these."""


@dataclass(frozen=True)
class Owner:
    """Who asks: an API key's id, or ``local`` where the server needs none.

    ``everything`` lets an administrator see and change what belongs to others. The limits override ``JobLimits`` where
    they are given; ``priority`` is the highest that the owner may ask for, from -10 to 10.
    """

    id: str
    everything: bool = False
    priority: int = 10
    max_running: int | None = None
    max_queued: int | None = None
    max_songs_per_day: int | None = None


LOCAL = Owner("local", everything=True)
"""The owner of everything on a server without keys."""


@dataclass(frozen=True)
class Job:
    """One request and how it gets on.

    ``song_ids``: the ids that its songs have or will have, in the order of their seeds; each can be listened to from
    the first block on. ``songs``: those that are finished. ``position``: how many jobs are before it, while it waits.
    ``eta``: estimated seconds until it is done, none where nothing is known yet.
    """

    id: str
    owner: str
    kind: str
    request: Mapping[str, Any]
    samples: int
    priority: int
    model: str
    state: JobState
    created: float
    song_ids: tuple[str, ...]
    songs: tuple[str, ...] = ()
    position: int | None = None
    blocks_done: int = 0
    """Of all its songs together."""
    blocks_expected: int = 0
    """An estimate; 0 until the work has begun."""
    seconds_made: float = 0.0
    """Of sound, all songs together."""
    eta: float | None = None
    attempts: int = 0
    cancel_requested: bool = False
    error: str | None = None
    """One line, where it failed."""
    started: float | None = None
    finished: float | None = None

    @property
    def over(self) -> bool:
        """Whether it is in a final state."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job. ``id`` counts from 1 within the job, without gaps."""

    id: int
    job: str
    kind: str
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SongRecord:
    """A finished song. ``sha256`` is that of its FLAC file; ``files`` the names that ``song_file`` knows.

    ``parents``: the songs it was made from, none for a song from nothing.
    """

    id: str
    job: str
    owner: str
    sample: int
    kind: str
    title: str
    lyrics: str
    style: str | None
    model: str
    seed: int
    seconds: float
    sample_rate: int
    sha256: str
    bytes: int
    files: tuple[str, ...]
    created: float
    favourite: bool = False
    deleted: float | None = None
    """When it was put away; it can be brought back for a while."""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class StyleRecord:
    """A style: one that was uploaded (``id`` begins with ``style-``), or one that comes with a model (its name)."""

    id: str
    name: str
    source: Literal["upload", "model"]
    tags: tuple[str, ...] = ()
    tempo: float | None = None
    key: int | None = None
    """``2 * root + minor``."""
    seconds: float | None = None
    created: float | None = None
    owner: str | None = None


@dataclass(frozen=True)
class ModelRecord:
    """A model that can be asked for. ``problem``: why it cannot be used, in one line; none where it can."""

    name: str
    about: str
    licence: str
    default: bool
    loaded: int
    """How many workers hold it."""
    problem: str | None = None
    shortest_seconds: float | None = None
    longest_seconds: float | None = None
    block_seconds: float | None = None
    sample_rate: int | None = None
    styles: int = 0
    real_time_factor: float | None = None
    """Seconds of work for a second of song, measured here; none before the first song."""
    kind: str | None = None
    """Which presets of ``config.PRESETS`` apply."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """The model's own sampling settings."""
    told_tempo: bool = False
    """Whether a request may name tempo and key."""


@dataclass(frozen=True)
class WorkerRecord:
    """A worker as it last showed itself."""

    id: str
    state: Literal["starting", "idle", "loading", "working", "stopping"]
    model: str | None
    job: str | None
    seen: float
    memory: int | None = None
    """Bytes that its process takes now; none where that is not known (another machine)."""


@dataclass(frozen=True)
class Health:
    """Whether the service can do its work. ``problems``: one line each, empty where all is well."""

    ready: bool
    problems: tuple[str, ...]
    queued: int
    running: int
    workers: tuple[WorkerRecord, ...]
