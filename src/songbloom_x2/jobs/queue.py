"""The owners' side of the queue, in SQL: looking up, cancelling. Knows no workers, files or models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from songbloom_x2.errors import ConflictError, NotFoundError
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.journal import events_after, note
from songbloom_x2.jobs.records import FINAL_STATES, Job, JobEvent, JobState, Owner
from songbloom_x2.jobs.tables import jobs, owners, songs


class JobQueue:
    """The queue as its owners see it."""

    def __init__(self, database: Database) -> None:
        """``database``: migrated."""
        self._database = database

    def job(self, id: str, owner: Owner) -> Job:
        """One job. Raises ``NotFoundError``, also for somebody else's."""
        with self._database.read() as connection:
            row = self._row(connection, id, owner)
            return self._described(connection, [row])[0]

    def jobs(
        self, owner: Owner, *, state: JobState | None = None, limit: int = 50, before: str | None = None
    ) -> list[Job]:
        """The newest first; ``before``: only those older than this job."""
        wanted = sa.select(jobs).order_by(jobs.c.sequence.desc()).limit(limit)
        if not owner.everything:
            wanted = wanted.where(jobs.c.owner == owner.id)
        if state is not None:
            wanted = wanted.where(jobs.c.state == state)
        with self._database.read() as connection:
            if before is not None:
                wanted = wanted.where(jobs.c.sequence < self._row(connection, before, owner).sequence)
            return self._described(connection, connection.execute(wanted).all())

    def cancel(self, id: str, owner: Owner) -> Job:
        """A waiting job is over at once, a running one within a block. Raises ``ConflictError`` where it is over."""
        with self._database.write() as connection:
            row = self._row(connection, id, owner, lock=True)
            if row.state in FINAL_STATES and row.state != "cancelled":
                raise ConflictError(f"job {id} has {row.state} already and cannot be cancelled")
            if row.state == "queued":
                over = {"state": "cancelled", "finished": time.time(), "cancel_requested": True}
                connection.execute(sa.update(jobs).where(jobs.c.id == id).values(over))
                note(connection, id, "cancelled")
                forget_promised(connection, id)
            elif row.state == "running":
                connection.execute(sa.update(jobs).where(jobs.c.id == id).values(cancel_requested=True))
            return self._described(connection, [self._row(connection, id, owner)])[0]

    def events(self, id: str, owner: Owner, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """What happened to a job after event ``after``. Raises ``NotFoundError``."""
        with self._database.read() as connection:
            self._row(connection, id, owner)
            return events_after(connection, id, after, limit)

    def counts(self) -> tuple[int, int, float]:
        """Jobs that wait, jobs that run, and the seconds of sound that all of them still ask for."""
        with self._database.read() as connection:
            return self._load(connection)

    def _load(self, connection: Connection) -> tuple[int, int, float]:
        left = sa.func.sum(jobs.c.seconds_asked - jobs.c.seconds_made)
        asked = (
            sa.select(jobs.c.state, sa.func.count(), left)
            .where(jobs.c.state.in_(("queued", "running")))
            .group_by(jobs.c.state)
        )
        found = {state: (count, float(seconds or 0)) for state, count, seconds in connection.execute(asked)}
        queued, running = found.get("queued", (0, 0.0)), found.get("running", (0, 0.0))
        return queued[0], running[0], max(queued[1] + running[1], 0.0)

    def _row(self, connection: Connection, id: str, owner: Owner, *, lock: bool = False) -> Row[Any]:
        wanted = sa.select(jobs).where(jobs.c.id == id)
        if not owner.everything:
            wanted = wanted.where(jobs.c.owner == owner.id)
        row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
        if row is None:
            raise NotFoundError("there is no such job")
        return row

    def _described(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Job]:
        ids = [row.id for row in rows]
        promised: dict[str, list[str]] = {id: [] for id in ids}
        made: dict[str, list[str]] = {id: [] for id in ids}
        asked = sa.select(songs.c.job, songs.c.id, songs.c.created).where(songs.c.job.in_(ids)).order_by(songs.c.sample)
        for job, song, created in connection.execute(asked):
            promised[job].append(song)
            if created is not None:
                made[job].append(song)
        places = self._positions(connection, [row.id for row in rows if row.state == "queued"])
        return [
            Job(
                id=row.id,
                owner=row.owner,
                kind=row.kind,
                request=row.request,
                samples=row.samples,
                priority=row.priority,
                model=row.model,
                state=row.state,
                created=row.created,
                song_ids=tuple(promised[row.id]),
                songs=tuple(made[row.id]),
                position=places.get(row.id),
                blocks_done=row.blocks_done,
                blocks_expected=row.blocks_expected,
                seconds_made=row.seconds_made,
                eta=_eta(row),
                attempts=row.attempts,
                cancel_requested=row.cancel_requested,
                error=row.error,
                started=row.started,
                finished=row.finished,
            )
            for row in rows
        ]

    def _positions(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        """How many jobs come before each of these: by priority, then owners in turn, then age."""
        if not ids:
            return {}
        turn = sa.func.row_number().over(partition_by=(jobs.c.owner, jobs.c.priority), order_by=jobs.c.sequence)
        waiting = (
            sa.select(jobs.c.id, jobs.c.priority, jobs.c.sequence, owners.c.served, turn.label("turn"))
            .join(owners, owners.c.id == jobs.c.owner)
            .where(jobs.c.state == "queued")
            .subquery()
        )
        order = (waiting.c.priority.desc(), waiting.c.turn, waiting.c.served, waiting.c.sequence)
        places = sa.select(waiting.c.id, sa.func.row_number().over(order_by=order).label("place")).subquery()
        found = connection.execute(sa.select(places.c.id, places.c.place).where(places.c.id.in_(ids)))
        return {id: place - 1 for id, place in found}


def forget_promised(connection: Connection, job: str) -> None:
    """Take away the songs that a job promised and will not make."""
    connection.execute(sa.delete(songs).where(songs.c.job == job, songs.c.created.is_(None)))


def _eta(row: Row[Any]) -> float | None:
    """Of a running job, from its own speed."""
    if row.state != "running" or not row.blocks_done or row.started is None:
        return None
    spent = time.time() - row.started
    return float(max(row.blocks_expected - row.blocks_done, 0) * spent / row.blocks_done)
