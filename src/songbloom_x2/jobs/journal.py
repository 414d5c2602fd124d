"""Events of a job, numbered from 1 without gaps in the transaction that brings them about."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from songbloom_x2.jobs.records import EventKind, JobEvent
from songbloom_x2.jobs.tables import events, jobs


def note(connection: Connection, job: str, kind: EventKind, data: Mapping[str, Any] | None = None) -> None:
    """Append an event. The job's row is locked by it until the transaction ends, so numbers follow each other."""
    counted = sa.update(jobs).where(jobs.c.id == job).values(events=jobs.c.events + 1).returning(jobs.c.events)
    number = connection.execute(counted).scalar_one()
    row = {"job": job, "id": number, "kind": kind, "time": time.time(), "data": dict(data or {})}
    connection.execute(sa.insert(events).values(row))


def events_after(connection: Connection, job: str, after: int, limit: int) -> list[JobEvent]:
    """Events numbered above ``after``, oldest first."""
    wanted = sa.select(events).where(events.c.job == job, events.c.id > after).order_by(events.c.id).limit(limit)
    return [JobEvent(row.id, row.job, row.kind, row.time, row.data) for row in connection.execute(wanted)]
