"""Putting jobs into the queue, in SQL. Those that come at the same time share a transaction, and its flush to disk.

Whoever comes first takes all that wait along, and wakes one of those who came meanwhile to do the same; nothing is
acknowledged before it is committed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from songbloom_x2.errors import ConflictError, QueueFullError, QuotaError
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.tables import events, jobs, owners, songs

_DAY = 86400.0
_MOST_TOGETHER = 100


@dataclass(frozen=True)
class NewSong:
    """A song that a job promises."""

    id: str
    title: str
    lyrics: str
    style: str | None
    seed: int
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewJob:
    """A job as it enters the queue. ``seconds_asked``: of sound, all songs together, as far as can be said."""

    id: str
    owner: str
    kind: str
    request: Mapping[str, Any]
    model: str
    songs: Sequence[NewSong]
    seconds_asked: float
    priority: int = 0
    max_running: int | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Room:
    """How much the queue and one owner may hold; none: no bound."""

    queued: int
    queued_of_owner: int | None = None
    songs_per_day: int | None = None


@dataclass(frozen=True)
class Accepted:
    """What became of a submission: the job's id (an older one's, for a repeated key), when, and what is before it."""

    id: str
    created: float
    position: int
    known: bool = False


@dataclass
class _Waiting:
    """A submission and its outcome. ``refused`` makes the error once somebody knows how long to wait."""

    new: NewJob
    room: Room
    accepted: Accepted | None = None
    refused: Callable[[float], Exception] | None = None
    error: BaseException | None = None
    woken: threading.Event = field(default_factory=threading.Event)
    """Set once it is settled, or where its own thread shall settle all that wait."""

    @property
    def settled(self) -> bool:
        return self.accepted is not None or self.refused is not None or self.error is not None


class Submissions:
    """The way into the queue, for several threads and processes at once."""

    def __init__(self, database: Database) -> None:
        """``database``: migrated."""
        self._database = database
        self._lock = threading.Lock()
        self._pending: list[_Waiting] = []
        self._settling = False
        """Whether some thread settles, or was woken to."""

    def submit(self, new: NewJob, room: Room, wait: Callable[[], float]) -> Accepted:
        """Put a job in. ``wait`` is asked, where there is no room, for the seconds until there is likely to be some.

        Raises ``QueueFullError`` and ``QuotaError``; ``ConflictError`` where the idempotency key belongs to another
        request; ``StorageError``.
        """
        mine = _Waiting(new, room)
        with self._lock:
            self._pending.append(mine)
            first, self._settling = not self._settling, True
        if not first:
            mine.woken.wait()
        if not mine.settled:
            self._settle_pending()
        if mine.error is not None:
            raise mine.error
        if mine.refused is not None:
            raise mine.refused(wait())
        assert mine.accepted is not None
        return mine.accepted

    def _settle_pending(self) -> None:
        """All that wait, the thread's own first; then another thread goes on, if more came meanwhile."""
        with self._lock:
            batch, self._pending = self._pending[:_MOST_TOGETHER], self._pending[_MOST_TOGETHER:]
        try:
            self._settle(batch)
        except BaseException as error:
            for waiting in batch:
                waiting.error = error
        finally:
            with self._lock:
                following = self._pending[0] if self._pending else None
                self._settling = following is not None
            for waiting in (*batch, *([] if following is None else [following])):
                waiting.woken.set()

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        try:
            self._together(batch)
        except IntegrityError:
            # Another process was faster with the same key: one by one, so that it is found.
            for waiting in batch:
                waiting.accepted = waiting.refused = None
                self._together([waiting])

    def _together(self, batch: Sequence[_Waiting]) -> None:
        with self._database.write() as connection:
            desk = _Desk(connection, batch)
            for waiting in batch:
                desk.decide(waiting)
            self._insert(connection, [waiting for waiting in batch if waiting.accepted and not waiting.accepted.known])

    def _insert(self, connection: Connection, taken: Sequence[_Waiting]) -> None:
        if not taken:
            return
        upsert = sqlite.insert if self._database.sqlite else postgresql.insert
        names = sorted({waiting.new.owner for waiting in taken})
        first = upsert(owners).on_conflict_do_nothing()
        connection.execute(first, [{"id": name, "served": 0.0} for name in names])
        connection.execute(sa.insert(jobs), [_job_row(waiting) for waiting in taken])
        connection.execute(sa.insert(songs), [row for waiting in taken for row in _song_rows(waiting.new)])
        entry = {"id": 1, "kind": "queued", "time": time.time(), "data": {}}
        connection.execute(sa.insert(events), [{**entry, "job": waiting.new.id} for waiting in taken])


class _Desk:
    """Decides about one batch, by what is in the database and what it has let in already."""

    def __init__(self, connection: Connection, batch: Sequence[_Waiting]) -> None:
        self._connection = connection
        waiting = sa.select(jobs.c.priority, sa.func.count()).where(jobs.c.state == "queued").group_by(jobs.c.priority)
        self._queued: Counter[int] = Counter({row[0]: row[1] for row in connection.execute(waiting)})
        self._of_owner: Counter[str] = Counter()
        bounded = {item.new.owner for item in batch if item.room.queued_of_owner is not None}
        if bounded:
            own = sa.select(jobs.c.owner, sa.func.count()).where(jobs.c.state == "queued", jobs.c.owner.in_(bounded))
            self._of_owner.update({row[0]: row[1] for row in connection.execute(own.group_by(jobs.c.owner))})
        self._keys: dict[tuple[str, str], Accepted] = {}
        self._prints: dict[str, str | None] = {}
        self._asked: Counter[str] = Counter()

    def decide(self, waiting: _Waiting) -> None:
        new, room = waiting.new, waiting.room
        if new.idempotency_key is not None and self._repeated(waiting, new.idempotency_key):
            return
        if (total := self._queued.total()) >= room.queued:
            waiting.refused = _full(QueueFullError, f"{total} jobs wait already")
            return
        if room.queued_of_owner is not None and self._of_owner[new.owner] >= room.queued_of_owner:
            waiting.refused = _full(QuotaError, f"{self._of_owner[new.owner]} of your jobs wait already")
            return
        if room.songs_per_day is not None and self._beyond_quota(waiting, room.songs_per_day):
            return
        before = sum(count for priority, count in self._queued.items() if priority >= new.priority)
        waiting.accepted = Accepted(new.id, time.time(), before)
        self._queued[new.priority] += 1
        self._of_owner[new.owner] += 1
        self._asked[new.owner] += len(new.songs)
        if new.idempotency_key is not None:
            self._keys[new.owner, new.idempotency_key] = waiting.accepted
            self._prints[new.id] = new.fingerprint

    def _repeated(self, waiting: _Waiting, key: str) -> bool:
        """Whether the key was used before, in this batch or any time; settles the submission then."""
        new = waiting.new
        found = self._keys.get((new.owner, key))
        if found is None:
            asked = sa.select(jobs.c.id, jobs.c.created, jobs.c.fingerprint)
            row = self._connection.execute(
                asked.where(jobs.c.owner == new.owner, jobs.c.idempotency_key == key)
            ).one_or_none()
            if row is None:
                return False
            found = Accepted(row.id, row.created, 0)
            self._prints[row.id] = row.fingerprint
        if self._prints[found.id] != new.fingerprint:
            waiting.error = ConflictError(
                "this idempotency key was used for another request; take a new key for a new request"
            )
        else:
            waiting.accepted = Accepted(found.id, found.created, found.position, known=True)
        return True

    def _beyond_quota(self, waiting: _Waiting, allowed: int) -> bool:
        new, now = waiting.new, time.time()
        asked = sa.select(jobs.c.created, jobs.c.samples).where(jobs.c.owner == new.owner, jobs.c.created > now - _DAY)
        # What was never made does not count.
        found = self._connection.execute(asked.where(jobs.c.state.in_(("queued", "running", "succeeded")))).all()
        used = sum(row.samples for row in found) + self._asked[new.owner]
        if used + len(new.songs) <= allowed:
            return False
        oldest = min((row.created for row in found), default=now)
        seconds = max(oldest + _DAY - now, 1.0)
        told = f"{used} of {allowed} songs in 24 hours are used and {len(new.songs)} were asked for"
        waiting.refused = lambda _: QuotaError(f"{told}; the next is free in {seconds / 60:.0f} minutes", seconds)
        return True


def _full(kind: type[QueueFullError], told: str) -> Callable[[float], Exception]:
    return lambda seconds: kind(f"{told}; try again in {seconds:.0f} s", seconds)


def _job_row(waiting: _Waiting) -> dict[str, Any]:
    new, accepted = waiting.new, waiting.accepted
    assert accepted is not None
    return {
        "id": new.id,
        "owner": new.owner,
        "kind": new.kind,
        "request": dict(new.request),
        "samples": len(new.songs),
        "priority": new.priority,
        "model": new.model,
        "state": "queued",
        "created": accepted.created,
        "attempts": 0,
        "cancel_requested": False,
        "max_running": new.max_running,
        "blocks_done": 0,
        "blocks_expected": 0,
        "seconds_made": 0.0,
        "seconds_asked": new.seconds_asked,
        "events": 1,
        "idempotency_key": new.idempotency_key,
        "fingerprint": new.fingerprint,
    }


def _song_rows(new: NewJob) -> list[dict[str, Any]]:
    return [
        {
            "id": song.id,
            "job": new.id,
            "sample": sample,
            "owner": new.owner,
            "title": song.title,
            "lyrics": song.lyrics,
            "style": song.style,
            "kind": new.kind,
            "model": new.model,
            "seed": song.seed,
            "parents": list(song.parents),
            "favourite": False,
        }
        for sample, song in enumerate(new.songs)
    ]
