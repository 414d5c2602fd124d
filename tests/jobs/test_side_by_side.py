"""Jobs whose songs are made side by side by one worker: each song is what it would be alone, and each job its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.audio.files import read_audio
from songbloom_x2.config import JobLimits, RuntimeConfig
from songbloom_x2.jobs.executors.local import LocalExecutor
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job, Owner
from songbloom_x2.jobs.service import JobService

pytestmark = pytest.mark.long

REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 1.6}
LONG = {**REQUEST, "duration": 60.0, "seed": 8}
Plan = Callable[..., ServicePlan]
Until = Callable[..., None]
Finished = Callable[[JobService, str], Job]


@pytest.fixture(scope="module")
def desk(service_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    """A service whose one worker makes up to three songs at a time."""
    plan = service_plan(tmp_path_factory.mktemp("desk"))
    service = JobService(ServicePlan.from_json(plan.to_json().replace('"batch_size": 4', '"batch_size": 3')))
    assert service.plan.runtime == RuntimeConfig(device="cpu", threads=1, batch_size=3)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def long(desk: JobService, until: Until) -> Iterator[Job]:
    """A job that is being made, and goes on for as long as the test."""
    job = desk.submit("generate", LONG, LOCAL)
    until(lambda: desk.job(job.id, LOCAL).blocks_done > 0)
    yield job
    desk.cancel(job.id, LOCAL)
    until(lambda: desk.job(job.id, LOCAL).over)


def samples(service: JobService, song: str) -> np.ndarray:
    return read_audio(service.song_file(song, LOCAL)).samples


def test_a_job_joins_and_leaves_while_another_goes_on(desk: JobService, long: Job, finished: Finished) -> None:
    beside = desk.submit("generate", REQUEST, LOCAL, samples=2)
    heard = b"".join(desk.live_audio(beside.song_ids[1], LOCAL))
    done = finished(desk, beside.id)
    assert done.error is None and desk.job(long.id, LOCAL).state == "running"
    assert len(heard) == 5 * 8 * 1920 * 4
    manifests = [desk.manifest(song, LOCAL) for song in done.songs]
    assert [manifest["batch"] for manifest in manifests] == [{"size": 3, "index": 0, "takes": False}] * 2
    assert [manifest["seed"] for manifest in manifests] == [3, 4]
    kinds = [event.kind for event in desk.events(beside.id, LOCAL)]
    assert kinds.count("song") == 2 and kinds[-1] == "succeeded"
    desk.cancel(long.id, LOCAL)
    finished(desk, long.id)
    alone = finished(desk, desk.submit("generate", REQUEST, LOCAL, samples=2).id)
    for mine, other in zip(done.songs, alone.songs, strict=True):
        assert np.allclose(samples(desk, mine), samples(desk, other), atol=2e-3)
    assert [desk.manifest(song, LOCAL)["batch"] for song in alone.songs] == [
        {"size": 2, "index": index, "takes": True} for index in range(2)
    ]


def test_a_cancelled_job_leaves_the_others_alone(desk: JobService, long: Job, finished: Finished, until: Until) -> None:
    beside = desk.submit("generate", {**LONG, "seed": 5}, LOCAL)
    until(lambda: desk.job(beside.id, LOCAL).blocks_done > 0)
    desk.cancel(beside.id, LOCAL)
    assert finished(desk, beside.id).state == "cancelled"
    before = desk.job(long.id, LOCAL)
    assert before.state == "running"
    until(lambda: desk.job(long.id, LOCAL).blocks_done > before.blocks_done)


def test_a_job_that_cannot_be_made_leaves_the_others_alone(desk: JobService, long: Job, finished: Finished) -> None:
    wrong = finished(desk, desk.submit("generate", {**REQUEST, "lyrics": "[verse] ……"}, LOCAL).id)
    assert wrong.state == "failed" and "lyrics" in str(wrong.error)
    assert desk.job(long.id, LOCAL).state == "running"


def test_what_does_not_fit_waits_and_nobody_passes_it(
    desk: JobService, long: Job, finished: Finished, until: Until
) -> None:
    other = desk.submit("generate", {**REQUEST, "sampling": {"steps": 3}}, LOCAL)
    behind = desk.submit("generate", REQUEST, LOCAL)
    made = desk.job(long.id, LOCAL).blocks_done
    until(lambda: desk.job(long.id, LOCAL).blocks_done > made + 20)
    assert {desk.job(job.id, LOCAL).state for job in (other, behind)} == {"queued"}
    desk.cancel(long.id, LOCAL)
    assert finished(desk, other.id).state == finished(desk, behind.id).state == "succeeded"
    assert (desk.job(other.id, LOCAL).started or 0) < (desk.job(behind.id, LOCAL).started or 0)


def test_more_songs_than_fit_are_made_one_after_the_other(desk: JobService, finished: Finished) -> None:
    done = finished(desk, desk.submit("generate", {**REQUEST, "seed": 20}, LOCAL, samples=5).id)
    assert done.error is None and [desk.song(song, LOCAL).seed for song in done.songs] == [20, 21, 22, 23, 24]
    alone = finished(desk, desk.submit("generate", {**REQUEST, "seed": 24}, LOCAL).id)
    assert np.allclose(samples(desk, done.songs[4]), samples(desk, alone.songs[0]), atol=2e-3)


def test_an_owner_has_no_more_at_a_time_than_allowed(
    service_plan: Plan, tmp_path: Path, finished: Finished, until: Until
) -> None:
    service = JobService(service_plan(tmp_path, limits=JobLimits(max_running_per_owner=1)))
    service.start()
    first, second = (service.submit("generate", LONG, Owner("ann")) for _ in range(2))
    until(lambda: service.job(first.id, LOCAL).blocks_done > 0)
    others = service.submit("generate", REQUEST, Owner("ben"))
    assert finished(service, others.id).state == "succeeded"
    assert service.job(second.id, LOCAL).state == "queued"
    service.stop()


def test_a_killed_worker_loses_none_of_them(
    service_plan: Plan, tmp_path: Path, finished: Finished, until: Until
) -> None:
    service = JobService(service_plan(tmp_path))
    service.start()
    asked = [service.submit("generate", {**REQUEST, "seed": seed, "duration": 8.0}, LOCAL) for seed in range(3)]
    until(lambda: all(service.job(job.id, LOCAL).blocks_done > 0 for job in asked))
    executor = service.executor
    assert isinstance(executor, LocalExecutor)
    os.kill(executor.pids[0], signal.SIGKILL)
    done = [finished(service, job.id) for job in asked]
    assert [(job.state, job.attempts, len(job.songs)) for job in done] == [("succeeded", 2, 1)] * 3
    # Whichever it was: nothing is made beside a job that was there when a worker was lost.
    assert [service.manifest(job.songs[0], LOCAL)["batch"]["size"] for job in done] == [1, 1, 1]
    service.stop()
