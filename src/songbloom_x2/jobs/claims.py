"""The workers' side of the queue, in SQL: claiming, leases, progress, recording, and what becomes of lost jobs.

A claim is a job, a worker and the number of the attempt. Whoever lost it (the lease ran out, another worker has it)
can change nothing any more: every statement names all three.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.journal import note
from songbloom_x2.jobs.queue import forget_promised
from songbloom_x2.jobs.tables import jobs, owners, songs


class ClaimLostError(SongBloomError):
    """Another worker has the job now, or it is over."""


@dataclass(frozen=True)
class ClaimedSong:
    """One song of a claimed job; ``made``: an earlier attempt recorded it."""

    id: str
    sample: int
    seed: int
    title: str
    parents: tuple[str, ...]
    made: bool


@dataclass(frozen=True)
class Claim:
    """A job in the hands of a worker."""

    job: str
    worker: str
    attempt: int
    kind: str
    owner: str
    model: str
    request: Mapping[str, Any]
    songs: tuple[ClaimedSong, ...]


@dataclass(frozen=True)
class WaitingJob:
    """The job whose turn it is. ``attempts``: how often it was begun already; ``created``: seconds since 1970."""

    kind: str
    model: str
    request: Mapping[str, Any]
    attempts: int
    created: float


@dataclass(frozen=True)
class StoredSong:
    """What is recorded of a finished song; ``folder`` is where its files lie, by name."""

    folder: str
    files: tuple[str, ...]
    seconds: float
    sample_rate: int
    sha256: str
    bytes: int
    style: str | None


class Claims:
    """The queue as its workers see it."""

    def __init__(self, database: Database, *, lease_seconds: float, attempts: int) -> None:
        """``attempts``: how often a job is begun at most."""
        self._database = database
        self._lease = lease_seconds
        self._attempts = attempts

    def claim(self, worker: str, suits: Callable[[WaitingJob], bool] | None = None) -> Claim | None:
        """The next job: the highest priority, then the owner who waited longest, then the oldest. None: nothing waits.

        ``suits``: whether this worker can take it now; none is taken before it is that one's turn.
        Two workers never get the same: SQLite has one writer at a time, on PostgreSQL locked rows are skipped.
        """
        with self._database.read() as connection:
            # Cheaper than taking the writer's turn for nothing.
            waiting = sa.select(jobs.c.id).where(jobs.c.state == "queued").limit(1)
            if connection.execute(waiting).first() is None:
                return None
        with self._database.write() as connection:
            found = self._next(connection)
            if found is None:
                return None
            if suits is not None and not suits(
                WaitingJob(found.kind, found.model, found.request, found.attempts, found.created)
            ):
                return None
            now = self._database.now()
            connection.execute(sa.update(owners).where(owners.c.id == found.owner).values(served=now))
            taken = {
                "state": "running",
                "worker": worker,
                "lease_until": now + self._lease,
                "attempts": jobs.c.attempts + 1,
                "started": time.time(),
                "blocks_done": 0,
                "blocks_expected": 0,
                "seconds_made": 0.0,
            }
            row = connection.execute(
                sa.update(jobs).where(jobs.c.id == found.id).values(taken).returning(*jobs.c)
            ).one()
            note(connection, row.id, "started", {"attempt": row.attempts})
            promised = connection.execute(sa.select(songs).where(songs.c.job == row.id).order_by(songs.c.sample))
            claimed = tuple(
                ClaimedSong(s.id, s.sample, s.seed, s.title, tuple(s.parents), s.created is not None) for s in promised
            )
            return Claim(row.id, worker, row.attempts, row.kind, row.owner, row.model, row.request, claimed)

    def extend(self, claim: Claim) -> None:
        """A sign of life. Raises ``ClaimLostError``."""
        with self._database.write() as connection:
            self._held(connection, claim, {})

    def cancelled(self, claim: Claim) -> bool:
        """Whether somebody wants the job to stop. Raises ``ClaimLostError``."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(jobs.c.cancel_requested).where(_mine(claim))).one_or_none()
        if row is None:
            raise ClaimLostError(f"job {claim.job} is no longer this worker's")
        return bool(row.cancel_requested)

    def progress(self, claim: Claim, *, blocks_done: int, blocks_expected: int, seconds_made: float) -> None:
        """How far it is; a sign of life too. Raises ``ClaimLostError``."""
        told = {"blocks_done": blocks_done, "blocks_expected": blocks_expected, "seconds_made": seconds_made}
        with self._database.write() as connection:
            self._held(connection, claim, told)
            note(connection, claim.job, "progress", {**told, "seconds_made": round(seconds_made, 2)})

    def record(self, claim: Claim, song: str, stored: StoredSong) -> bool:
        """A finished song becomes visible; false where it was recorded before. Raises ``ClaimLostError``."""
        with self._database.write() as connection:
            self._held(connection, claim, {})
            values: dict[str, Any] = {
                "created": time.time(),
                "seconds": stored.seconds,
                "sample_rate": stored.sample_rate,
                "sha256": stored.sha256,
                "bytes": stored.bytes,
                "folder": stored.folder,
                "files": list(stored.files),
            }
            if stored.style is not None:
                values["style"] = stored.style
            missing = (songs.c.id == song) & (songs.c.job == claim.job) & songs.c.created.is_(None)
            changed = connection.execute(sa.update(songs).where(missing).values(values))
            if changed.rowcount != 1:
                return False
            note(connection, claim.job, "song", {"song": song, "seconds": round(stored.seconds, 2)})
            return True

    def succeed(self, claim: Claim) -> None:
        """All songs are recorded. Raises ``ClaimLostError``."""
        with self._database.write() as connection:
            self._held(connection, claim, {"error": None})
            self._end(connection, claim.job, "succeeded")

    def fail(self, claim: Claim, reason: str) -> None:
        """It cannot be made, and trying again would not help. Raises ``ClaimLostError``."""
        with self._database.write() as connection:
            self._held(connection, claim, {"error": reason})
            self._end(connection, claim.job, "failed", {"error": reason})

    def cancel(self, claim: Claim) -> None:
        """It was stopped because its owner wished so. Raises ``ClaimLostError``."""
        with self._database.write() as connection:
            self._held(connection, claim, {})
            self._end(connection, claim.job, "cancelled")

    def give_back(self, claim: Claim) -> None:
        """The worker stops in good order: the job waits again, and the attempt does not count."""
        with self._database.write() as connection:
            self._held(connection, claim, {"attempts": jobs.c.attempts - 1})
            self._requeue(connection, claim.job, "the server stopped")

    def give_up(self, claim: Claim, reason: str) -> None:
        """The attempt went wrong through no fault of the request: it waits again, or fails if it was the last."""
        with self._database.write() as connection:
            self._held(connection, claim, {})
            self._lost(connection, claim.job, claim.attempt, False, reason)

    def release_worker(self, worker: str, reason: str) -> list[str]:
        """A worker is known to be gone: its jobs are treated as lost."""
        return self._release(jobs.c.worker == worker, reason)

    def reap(self) -> list[str]:
        """Jobs whose lease ran out are treated as lost; gives their ids."""
        return self._release(jobs.c.lease_until < self._database.now(), "its worker gave no sign of life")

    def _release(self, which: ColumnElement[bool], reason: str) -> list[str]:
        held = sa.select(jobs.c.id, jobs.c.attempts, jobs.c.cancel_requested).where(jobs.c.state == "running", which)
        with self._database.read() as connection:
            if connection.execute(held.limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            rows = connection.execute(held.with_for_update(skip_locked=True)).all()
            for row in rows:
                self._lost(connection, row.id, row.attempts, row.cancel_requested, reason)
            return [row.id for row in rows]

    def _next(self, connection: Connection) -> Any:
        other = jobs.alias()
        running = (
            sa.select(sa.func.count())
            .select_from(other)
            .where(other.c.owner == jobs.c.owner, other.c.state == "running")
            .scalar_subquery()
        )
        wanted = (
            sa.select(
                jobs.c.id,
                jobs.c.owner,
                jobs.c.max_running,
                jobs.c.kind,
                jobs.c.model,
                jobs.c.request,
                jobs.c.attempts,
                jobs.c.created,
            )
            .join(owners, owners.c.id == jobs.c.owner)
            .where(jobs.c.state == "queued", jobs.c.max_running.is_(None) | (running < jobs.c.max_running))
            .order_by(jobs.c.priority.desc(), owners.c.served, jobs.c.sequence)
            .limit(1)
        )
        if self._database.sqlite:
            return connection.execute(wanted).one_or_none()
        found = connection.execute(wanted.with_for_update(of=jobs, skip_locked=True)).one_or_none()
        if found is None or found.max_running is None:
            return found
        # Another worker may be claiming this owner's last free place: one after the other.
        connection.execute(sa.select(owners.c.id).where(owners.c.id == found.owner).with_for_update())
        mine = sa.select(sa.func.count()).select_from(jobs)
        count = connection.execute(mine.where(jobs.c.owner == found.owner, jobs.c.state == "running")).scalar_one()
        return found if count < found.max_running else None

    def _held(self, connection: Connection, claim: Claim, values: Mapping[str, Any]) -> None:
        """Change the claimed job and renew its lease. Raises ``ClaimLostError``."""
        renewed = {"lease_until": self._database.now() + self._lease, **values}
        if connection.execute(sa.update(jobs).where(_mine(claim)).values(renewed)).rowcount != 1:
            raise ClaimLostError(f"job {claim.job} is no longer this worker's")

    def _end(self, connection: Connection, job: str, state: Any, data: Mapping[str, Any] | None = None) -> None:
        over = {"state": state, "finished": time.time(), "worker": None, "lease_until": None}
        connection.execute(sa.update(jobs).where(jobs.c.id == job).values(over))
        forget_promised(connection, job)
        note(connection, job, state, data)

    def _requeue(self, connection: Connection, job: str, reason: str) -> None:
        waiting = {"state": "queued", "worker": None, "lease_until": None, "started": None}
        connection.execute(sa.update(jobs).where(jobs.c.id == job).values(waiting))
        note(connection, job, "requeued", {"reason": reason})

    def _lost(self, connection: Connection, job: str, attempts: int, cancelled: bool, reason: str) -> None:
        connection.execute(sa.update(jobs).where(jobs.c.id == job).values(error=reason))
        if cancelled:
            self._end(connection, job, "cancelled")
        elif attempts >= self._attempts:
            error = f"given up after {attempts} attempts: {reason}"
            connection.execute(sa.update(jobs).where(jobs.c.id == job).values(error=error))
            self._end(connection, job, "failed", {"error": error})
        else:
            self._requeue(connection, job, reason)


def _mine(claim: Claim) -> ColumnElement[bool]:
    return (
        (jobs.c.id == claim.job)
        & (jobs.c.worker == claim.worker)
        & (jobs.c.attempts == claim.attempt)
        & (jobs.c.state == "running")
    )
