"""The queue in SQL, on SQLite and on PostgreSQL: order, room, claims, leases, and that nothing happens twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from songbloom_x2.errors import ConflictError, NotFoundError, QueueFullError, QuotaError
from songbloom_x2.jobs.claims import Claim, ClaimLostError, Claims, StoredSong
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.files import new_id
from songbloom_x2.jobs.library import SongLibrary
from songbloom_x2.jobs.queue import JobQueue
from songbloom_x2.jobs.records import LOCAL, Owner
from songbloom_x2.jobs.submissions import NewJob, NewSong, Room, Submissions
from songbloom_x2.jobs.tables import jobs, metadata, songs

ROOM = Room(1000)
ANN, BEN = Owner("ann"), Owner("ben")


def new_job(owner: str = "local", samples: int = 1, **changes: Any) -> NewJob:
    promised = [NewSong(new_id("song"), "A title", "[verse] La.", None, 7 + sample) for sample in range(samples)]
    return NewJob(new_id("job"), owner, "generate", {"lyrics": "[verse] La."}, "tiny", promised, 10.0, **changes)


def stored(folder: str) -> StoredSong:
    return StoredSong(folder, ("song.flac",), 1.5, 48000, "ab" * 32, 1234, None)


def wait() -> float:
    return 7.0


class Queue(JobQueue):
    """With its way in."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.desk = Submissions(database)

    def submit(self, new: NewJob, room: Room, wait: Callable[[], float]) -> str:
        return self.desk.submit(new, room, wait).id


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


@pytest.fixture
def claims(database: Database) -> Claims:
    return Claims(database, lease_seconds=60, attempts=3)


def put(queue: Queue, owner: str = "local", samples: int = 1, **changes: Any) -> str:
    return queue.submit(new_job(owner, samples, **changes), ROOM, wait)


def kinds(queue: Queue, id: str) -> list[str]:
    told = queue.events(id, LOCAL)
    assert [event.id for event in told] == list(range(1, len(told) + 1))
    return [event.kind for event in told]


def let_lease_run_out(database: Database, id: str) -> None:
    with database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == id).values(lease_until=0.0))


def make(claims: Claims, worker: str = "w") -> Claim:
    claim = claims.claim(worker)
    assert claim is not None
    return claim


def test_a_job_from_submission_to_success(queue: Queue, claims: Claims, database: Database) -> None:
    id = put(queue, samples=2)
    job = queue.job(id, LOCAL)
    assert (job.state, job.position, job.songs, len(job.song_ids)) == ("queued", 0, (), 2)
    claim = make(claims)
    assert [song.seed for song in claim.songs] == [7, 8] and claim.attempt == 1
    assert claims.claim("other") is None
    claims.progress(claim, blocks_done=1, blocks_expected=4, seconds_made=0.64)
    assert queue.job(id, LOCAL).blocks_done == 1 and queue.job(id, LOCAL).eta is not None
    for song in claim.songs:
        assert claims.record(claim, song.id, stored(song.id))
        assert not claims.record(claim, song.id, stored("again"))
    claims.succeed(claim)
    job = queue.job(id, LOCAL)
    assert (job.state, job.songs, job.error) == ("succeeded", job.song_ids, None)
    assert kinds(queue, id) == ["queued", "started", "progress", "song", "song", "succeeded"]
    library = SongLibrary(database)
    assert library.song(job.songs[0], LOCAL).folder == job.songs[0]
    with pytest.raises(ClaimLostError):
        claims.succeed(claim)
    with pytest.raises(ConflictError, match="succeeded already"):
        queue.cancel(id, LOCAL)


def test_the_migrations_make_the_tables_of_the_program(database: Database) -> None:
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_what_belongs_to_others_does_not_exist(queue: Queue) -> None:
    id = put(queue, "ann")
    for act in (queue.job, queue.cancel, queue.events):
        with pytest.raises(NotFoundError):
            act(id, BEN)
    assert queue.job(id, ANN).id == queue.job(id, LOCAL).id == id
    assert queue.jobs(BEN) == [] and [job.id for job in queue.jobs(ANN)] == [id]


def test_pages_of_jobs(queue: Queue) -> None:
    ids = [put(queue) for _ in range(5)]
    first = queue.jobs(LOCAL, limit=2)
    assert [job.id for job in first] == [ids[4], ids[3]]
    assert [job.id for job in queue.jobs(LOCAL, limit=9, before=ids[3])] == ids[2::-1]
    queue.cancel(ids[0], LOCAL)
    assert [job.id for job in queue.jobs(LOCAL, state="cancelled")] == [ids[0]]


def test_priority_then_turns_then_age(queue: Queue, claims: Claims) -> None:
    ann = [put(queue, "ann") for _ in range(3)]
    ben = [put(queue, "ben") for _ in range(2)]
    urgent = put(queue, "ann", priority=5)
    order = [urgent, ann[0], ben[0], ann[1], ben[1], ann[2]]
    told = {job.id: job.position for job in queue.jobs(LOCAL)}
    assert told[urgent] == 0 and sorted(told.values()) == list(range(6))
    first = make(claims)
    assert first.job == urgent
    # Ann was served just now: it is Ben's turn.
    taken = [make(claims).job for _ in range(5)]
    assert sorted(taken) == sorted(order[1:])
    assert [id for id in taken if id in ann] == ann and [id for id in taken if id in ben] == ben
    assert taken[0] == ben[0] and taken[1] == ann[0] and taken[2] == ben[1]


def test_an_owner_has_only_so_many_at_a_time(queue: Queue, claims: Claims) -> None:
    for _ in range(3):
        put(queue, "ann", max_running=2)
    first, second = make(claims), make(claims)
    assert claims.claim("w") is None
    other = put(queue, "ben")
    assert make(claims).job == other
    claims.fail(first, "no")
    assert make(claims).owner == "ann"
    assert claims.claim("w") is None
    claims.succeed(second)


def test_a_full_queue_says_when_to_come_back(queue: Queue) -> None:
    room = Room(3, queued_of_owner=2)
    for _ in range(2):
        queue.submit(new_job("ann"), room, wait)
    with pytest.raises(QuotaError, match="2 of your jobs") as refused:
        queue.submit(new_job("ann"), room, wait)
    assert refused.value.retry_after == 7.0
    queue.submit(new_job("ben"), room, wait)
    with pytest.raises(QueueFullError, match="3 jobs wait already; try again in 7 s"):
        queue.submit(new_job("cleo"), room, wait)
    assert len(queue.jobs(LOCAL)) == 3


def test_a_quota_counts_songs_of_a_day(queue: Queue, database: Database) -> None:
    room = Room(10, songs_per_day=3)
    first = queue.submit(new_job("ann", 2), room, wait)
    with pytest.raises(QuotaError, match="2 of 3 songs") as refused:
        queue.submit(new_job("ann", 2), room, wait)
    assert 86000 < refused.value.retry_after <= 86400
    cancelled = queue.submit(new_job("ann"), room, wait)
    queue.cancel(cancelled, ANN)
    queue.submit(new_job("ann"), room, wait)
    with database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == first).values(created=0.0))
    queue.submit(new_job("ann", 2), room, wait)


def test_a_repeated_key_is_the_same_job(queue: Queue) -> None:
    id = put(queue, "ann", idempotency_key="k", fingerprint="f")
    assert put(queue, "ann", idempotency_key="k", fingerprint="f") == id
    assert put(queue, "ben", idempotency_key="k", fingerprint="f") != id
    with pytest.raises(ConflictError, match="another request"):
        put(queue, "ann", idempotency_key="k", fingerprint="g")
    assert len(queue.jobs(ANN)) == 1


def test_a_repeated_key_at_the_same_time(queue: Queue) -> None:
    found = in_threads(8, lambda _: put(queue, "ann", idempotency_key="k", fingerprint="f"))
    assert len(set(found)) == 1 and len(queue.jobs(ANN)) == 1


def test_cancelling(queue: Queue, claims: Claims, database: Database) -> None:
    waiting = put(queue)
    assert queue.cancel(waiting, LOCAL).state == "cancelled"
    assert queue.cancel(waiting, LOCAL).state == "cancelled"
    assert claims.claim("w") is None
    running = put(queue)
    claim = make(claims)
    assert not claims.cancelled(claim)
    assert queue.cancel(running, LOCAL).cancel_requested
    assert claims.cancelled(claim)
    claims.cancel(claim)
    assert queue.job(running, LOCAL).state == "cancelled"
    lost = put(queue)
    make(claims)
    queue.cancel(lost, LOCAL)
    # Its worker dies before it sees that.
    let_lease_run_out(database, lost)
    assert claims.reap() == [lost]
    assert queue.job(lost, LOCAL).state == "cancelled"
    for id in (waiting, running, lost):
        assert kinds(queue, id)[-1] == "cancelled" and kinds(queue, id).count("cancelled") == 1
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(songs)).scalar_one() == 0


def test_a_lost_job_is_made_again_and_at_last_given_up(queue: Queue, claims: Claims, database: Database) -> None:
    id = put(queue, samples=2)
    first = make(claims, "a")
    claims.record(first, first.songs[0].id, stored("kept"))
    let_lease_run_out(database, id)
    assert claims.reap() == [id] and claims.reap() == []
    second = make(claims, "b")
    assert second.attempt == 2 and [song.made for song in second.songs] == [True, False]
    # The first worker comes back from the dead: nothing of what it does counts.
    for late in (
        lambda: claims.extend(first),
        lambda: claims.cancelled(first),
        lambda: claims.progress(first, blocks_done=9, blocks_expected=9, seconds_made=9),
        lambda: claims.record(first, first.songs[1].id, stored("late")),
        lambda: claims.succeed(first),
        lambda: claims.fail(first, "late"),
        lambda: claims.give_back(first),
        lambda: claims.give_up(first, "late"),
        lambda: claims.cancel(first),
    ):
        with pytest.raises(ClaimLostError):
            late()
    assert claims.release_worker("a", "gone") == []
    assert claims.release_worker("b", "its worker was ended by signal 9") == [id]
    third = make(claims, "c")
    claims.give_up(third, "RuntimeError: no")
    job = queue.job(id, LOCAL)
    assert (job.state, job.attempts, job.error) == ("failed", 3, "given up after 3 attempts: RuntimeError: no")
    # What was finished stays.
    assert job.songs == (first.songs[0].id,) == job.song_ids
    expected = ["queued", "started", "song", "requeued", "started", "requeued", "started", "failed"]
    assert kinds(queue, id) == expected


def test_giving_back_costs_no_attempt(queue: Queue, claims: Claims) -> None:
    id = put(queue)
    for _ in range(5):
        claims.give_back(make(claims))
    assert queue.job(id, LOCAL).attempts == 0 and queue.job(id, LOCAL).state == "queued"


def test_many_workers_never_get_the_same(queue: Queue, claims: Claims) -> None:
    ids = [put(queue, f"owner {number % 3}", max_running=4) for number in range(36)]

    def work(number: int) -> list[str]:
        mine: list[str] = []
        for _ in range(400):
            claim = claims.claim(f"worker {number}")
            if claim is None:
                if all(job.over for job in queue.jobs(LOCAL, limit=99)):
                    return mine
                continue
            running = [job.owner for job in queue.jobs(LOCAL, state="running")]
            assert max(running.count(owner) for owner in running) <= 4
            assert claims.record(claim, claim.songs[0].id, stored(claim.songs[0].id))
            claims.succeed(claim)
            mine.append(claim.job)
        raise AssertionError("it does not end")

    taken = [id for mine in in_threads(6, work) for id in mine]
    assert sorted(taken) == sorted(ids)
    assert all(job.state == "succeeded" and len(job.songs) == 1 for job in queue.jobs(LOCAL, limit=99))


def test_many_at_once_are_all_there_and_no_more_than_there_is_room_for(queue: Queue) -> None:
    room = Room(40, queued_of_owner=25)

    def submit(number: int) -> list[str]:
        taken = []
        for _ in range(10):
            with contextlib.suppress(QueueFullError):
                taken.append(queue.submit(new_job(f"owner {number % 2}"), room, wait))
        return taken

    taken = [id for mine in in_threads(8, submit) for id in mine]
    found = [job.id for job in queue.jobs(LOCAL, limit=999)]
    assert len(taken) == 40 and sorted(found) == sorted(taken)
    owned = [job.owner for job in queue.jobs(LOCAL, limit=999)]
    assert max(owned.count(owner) for owner in owned) <= 25


def in_threads(count: int, act: Callable[[int], Any]) -> list[Any]:
    results: list[Any] = [None] * count
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = act(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
