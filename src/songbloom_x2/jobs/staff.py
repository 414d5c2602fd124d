"""The workers in SQL: who is there, what they hold, what they are asked to load; and how fast models are here."""

from __future__ import annotations

import sqlalchemy as sa

from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.records import WorkerRecord
from songbloom_x2.jobs.tables import speeds, workers

_WEIGHT = 0.3
"""Of the newest measurement in the running mean."""


class Staff:
    """Signs of life, wishes and speeds."""

    def __init__(self, database: Database, *, alive_seconds: float) -> None:
        """``alive_seconds``: after so long without a sign of life a worker counts as gone."""
        self._database = database
        self._alive = alive_seconds

    def show(self, worker: str, state: str, model: str | None, job: str | None) -> str | None:
        """A worker shows itself; gives what it is asked to do, once it has no job."""
        now = self._database.now()
        values = {"state": state, "model": model, "job": job, "seen": now}
        with self._database.write() as connection:
            changed = sa.update(workers).where(workers.c.id == worker).values(values).returning(workers.c.wanted)
            row = connection.execute(changed).one_or_none()
            if row is None:
                connection.execute(sa.insert(workers).values(id=worker, **values))
                return None
            return None if row.wanted is None else str(row.wanted)

    def done(self, worker: str, wanted: str) -> None:
        """What a worker was asked to do is done."""
        mine = (workers.c.id == worker) & (workers.c.wanted == wanted)
        with self._database.write() as connection:
            connection.execute(sa.update(workers).where(mine).values(wanted=None))

    def leave(self, worker: str) -> None:
        """A worker is no more."""
        with self._database.write() as connection:
            connection.execute(sa.delete(workers).where(workers.c.id == worker))

    def ask(self, wanted: str, *, holding: str | None = None) -> int:
        """Ask all workers, or those that hold a model, for something; gives how many."""
        which = sa.true() if holding is None else workers.c.model == holding
        with self._database.write() as connection:
            return connection.execute(sa.update(workers).where(which).values(wanted=wanted)).rowcount

    def workers(self) -> tuple[WorkerRecord, ...]:
        """Those that showed themselves lately."""
        lately = workers.c.seen > self._database.now() - self._alive
        with self._database.read() as connection:
            rows = connection.execute(sa.select(workers).where(lately).order_by(workers.c.id)).all()
        return tuple(WorkerRecord(row.id, row.state, row.model, row.job, row.seen) for row in rows)

    def silent_for(self, worker: str) -> float | None:
        """Seconds since a worker showed itself; none where it never did."""
        with self._database.read() as connection:
            asked = sa.select(self._database.now() - workers.c.seen).where(workers.c.id == worker)
            found = connection.execute(asked).scalar_one_or_none()
        return None if found is None else float(found)

    def forget_gone(self) -> None:
        """Take away the rows of workers that were not seen for long."""
        long_ago = workers.c.seen < self._database.now() - 10 * self._alive
        with self._database.write() as connection:
            connection.execute(sa.delete(workers).where(long_ago))

    def measured(self, model: str, steps: int, *, seconds: float, spent: float) -> None:
        """``spent`` seconds of work gave ``seconds`` of song, all songs of a job together."""
        factor = spent / max(seconds, 1e-9)
        which = (speeds.c.model == model) & (speeds.c.steps == steps)
        with self._database.write() as connection:
            row = connection.execute(sa.select(speeds).where(which)).one_or_none()
            if row is None:
                values = {"model": model, "steps": steps, "songs": 1, "real_time_factor": factor}
                connection.execute(sa.insert(speeds).values(values))
                return
            mean = row.real_time_factor + _WEIGHT * (factor - row.real_time_factor)
            changed = {"songs": row.songs + 1, "real_time_factor": mean}
            connection.execute(sa.update(speeds).where(which).values(changed))

    def speed(self, model: str, steps: int | None = None) -> float | None:
        """Seconds of work for a second of song with so many steps; by the nearest number of steps that was measured."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(speeds).where(speeds.c.model == model)).all()
        if not rows:
            return None
        if steps is None:
            return float(max(rows, key=lambda row: row.songs).real_time_factor)
        nearest = min(rows, key=lambda row: abs(row.steps - steps))
        # The sketch takes time too, whatever the steps: half of the work is taken to grow with them.
        share = 0.5 + 0.5 * steps / nearest.steps if nearest.steps else 1.0
        return float(nearest.real_time_factor * share)
