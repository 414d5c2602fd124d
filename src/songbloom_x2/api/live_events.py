"""A job's events as server-sent events, from where the client left off until the job is over."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import anyio.to_thread

from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.records import FINAL_STATES, JobEvent, Owner
from songbloom_x2.jobs.service import JobService

_POLL = 0.25
"""Seconds between two looks at the database: events come a few times a second at most."""
_SIGN_OF_LIFE = 15.0
"""Seconds of silence after which a comment is sent, so that nothing in between takes the connection for dead."""


async def event_stream(
    service: JobService, job_id: str, owner: Owner, after: int, stopping: asyncio.Event
) -> AsyncIterator[str]:
    """The events numbered above ``after``; ends with the job, with the server, or where the job is gone."""
    yield "retry: 2000\n\n"
    spoken = time.monotonic()
    while True:
        try:
            found = await anyio.to_thread.run_sync(service.events, job_id, owner, after)
        except SongBloomError:
            # The client comes back with the last id that it got, and is then told what is wrong.
            return
        for event in found:
            yield as_text(event)
            after, spoken = event.id, time.monotonic()
            if event.kind in FINAL_STATES:
                return
        if await waited(stopping, _POLL):
            return
        if time.monotonic() - spoken > _SIGN_OF_LIFE:
            yield ": still here\n\n"
            spoken = time.monotonic()


def as_text(event: JobEvent) -> str:
    """One event in the form of the standard."""
    data = json.dumps({"job": event.job, "time": event.time, **event.data})
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"


async def waited(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait so long; true at once where the server stops."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True
