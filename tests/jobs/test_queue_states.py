"""Any order of events: what the queue says is what a plain model of it says, on both databases."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from songbloom_x2.errors import ConflictError
from songbloom_x2.jobs.claims import Claim, ClaimLostError, Claims, StoredSong
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.files import new_id
from songbloom_x2.jobs.queue import JobQueue
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.submissions import NewJob, NewSong, Room, Submissions
from songbloom_x2.jobs.tables import events, jobs, owners, songs

ATTEMPTS = 2
OWNERS = ("ann", "ben")


class QueueMachine(RuleBasedStateMachine):
    """``expected``: job -> state, attempts, recorded samples; ``held``: claims, also those that were lost since."""

    url = ""

    @initialize()
    def open(self) -> None:
        self.database = Database(self.url)
        with self.database.write() as connection:
            for table in (events, songs, jobs, owners):
                connection.execute(sa.delete(table))
        self.queue = JobQueue(self.database)
        self.claims = Claims(self.database, lease_seconds=1000, attempts=ATTEMPTS)
        self.expected: dict[str, dict[str, Any]] = {}
        self.held: list[Claim] = []
        self.cancelled: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()

    @rule(owner=st.sampled_from(OWNERS), samples=st.integers(1, 3), priority=st.integers(0, 1))
    def submit(self, owner: str, samples: int, priority: int) -> None:
        promised = [NewSong(new_id("song"), "t", "l", None, number) for number in range(samples)]
        new = NewJob(new_id("job"), owner, "generate", {}, "m", promised, 1.0, priority=priority, max_running=2)
        id = Submissions(self.database).submit(new, Room(100), lambda: 1.0).id
        self.expected[id] = {
            "state": "queued",
            "attempts": 0,
            "made": set(),
            "owner": owner,
            "priority": priority,
            "songs": samples,
        }

    @rule()
    def claim(self) -> None:
        running = [job["owner"] for job in self.expected.values() if job["state"] == "running"]
        free = [job for job in self.expected.values() if job["state"] == "queued" and running.count(job["owner"]) < 2]
        claim = self.claims.claim("w")
        assert (claim is not None) == bool(free)
        if claim is None:
            return
        job = self.expected[claim.job]
        assert job in free and job["priority"] == max(other["priority"] for other in free)
        job["state"], job["attempts"] = "running", job["attempts"] + 1
        assert claim.attempt == job["attempts"]
        assert {song.id for song in claim.songs if song.made} == job["made"]
        self.held.append(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), sample=st.integers(0, 2))
    def record(self, data: st.DataObject, sample: int) -> None:
        claim = data.draw(st.sampled_from(self.held))
        song = claim.songs[sample % len(claim.songs)].id
        stored = StoredSong(song, ("song.flac",), 1.0, 48000, "0" * 64, 1, None)
        made = self.expected[claim.job]["made"]
        if self.valid(claim):
            assert self.claims.record(claim, song, stored) == (song not in made)
            made.add(song)
        else:
            with pytest.raises(ClaimLostError):
                self.claims.record(claim, song, stored)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), end=st.sampled_from(("succeed", "fail", "cancel", "give_back", "give_up")))
    def end(self, data: st.DataObject, end: str) -> None:
        claim = data.draw(st.sampled_from(self.held))
        act = getattr(self.claims, end)
        arguments = ("a reason",) if end in ("fail", "give_up") else ()
        if not self.valid(claim):
            with pytest.raises(ClaimLostError):
                act(claim, *arguments)
            return
        act(claim, *arguments)
        job = self.expected[claim.job]
        if end == "give_back":
            job["state"], job["attempts"] = "queued", job["attempts"] - 1
            self.held.remove(claim)
        elif end == "give_up":
            job["state"] = "failed" if job["attempts"] >= ATTEMPTS else "queued"
        else:
            job["state"] = {"succeed": "succeeded", "fail": "failed", "cancel": "cancelled"}[end]

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.expected:
            return
        # In the order in which they came: sorted by their random ids, the same draws would not do the same again.
        id = data.draw(st.sampled_from(list(self.expected)))
        job = self.expected[id]
        if job["state"] in ("succeeded", "failed"):
            with pytest.raises(ConflictError):
                self.queue.cancel(id, LOCAL)
        else:
            self.queue.cancel(id, LOCAL)
            self.cancelled.add(id)
            if job["state"] == "queued":
                job["state"] = "cancelled"

    @rule()
    def all_workers_are_lost(self) -> None:
        lost = set(self.claims.release_worker("w", "gone"))
        assert lost == {id for id, job in self.expected.items() if job["state"] == "running"}
        for id in lost:
            job = self.expected[id]
            over = "cancelled" if id in self.cancelled else "failed" if job["attempts"] >= ATTEMPTS else "queued"
            job["state"] = over

    @invariant()
    def it_is_as_expected(self) -> None:
        if not hasattr(self, "expected"):
            return
        found = self.queue.jobs(LOCAL, limit=1000)
        assert {job.id: job.state for job in found} == {id: job["state"] for id, job in self.expected.items()}
        waiting = [job.position for job in found if job.state == "queued"]
        assert sorted(position for position in waiting if position is not None) == list(range(len(waiting)))
        for job in found:
            known = self.expected[job.id]
            assert set(job.songs) == known["made"] and job.attempts == known["attempts"]
            promised = len(known["made"]) if job.over else known["songs"]
            assert len(job.song_ids) == promised
            told = self.queue.events(job.id, LOCAL)
            assert [event.id for event in told] == list(range(1, len(told) + 1))
            assert [event.kind for event in told].count("song") == len(job.songs)
            assert job.over == (told[-1].kind in ("succeeded", "failed", "cancelled"))

    def valid(self, claim: Claim) -> bool:
        """Whether this claim is the one that holds its job."""
        job = self.expected[claim.job]
        newest = [other for other in self.held if other.job == claim.job][-1]
        return job["state"] == "running" and newest is claim


def machine(url: str) -> type[QueueMachine]:
    return type("QueueMachineOnOne", (QueueMachine,), {"url": url})


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_order_of_events(kind: str, request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = (
            f"sqlite:///{Path(folder) / 'songs.db'}"
            if kind == "sqlite"
            else request.getfixturevalue("postgres").new_database()
        )
        database = Database(url)
        database.migrate()
        database.close()
        run_state_machine_as_test(
            machine(url),
            settings=settings(
                max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
