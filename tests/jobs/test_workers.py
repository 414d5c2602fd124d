"""Workers as processes: killed, stopped, poisoned, orphaned. No song is lost and none is there twice."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from songbloom_x2.jobs.executors.local import LocalExecutor
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService

pytestmark = pytest.mark.long

REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 1.6}
LONG = {**REQUEST, "duration": 40.0}
Until = Callable[..., None]
Finished = Callable[[JobService, str], Job]
Plan = Callable[..., ServicePlan]


def pids(service: JobService) -> list[int]:
    assert isinstance(service.executor, LocalExecutor)
    return service.executor.pids


def check_songs(service: JobService) -> None:
    """Every recorded song is whole, and nothing else lies in the folder."""
    songs = service.songs(LOCAL, limit=1000)
    folder = Path(service.plan.data_dir) / "songs"
    for song in songs:
        assert hashlib.sha256(service.song_file(song.id, LOCAL).read_bytes()).hexdigest() == song.sha256
    service.upkeep.once()
    assert len(list(folder.iterdir())) == len(songs) == len({(song.job, song.sample) for song in songs})


def test_a_worker_killed_in_mid_song(service_plan: Plan, tmp_path: Path, until: Until, finished: Finished) -> None:
    service = JobService(service_plan(tmp_path))
    service.start()
    job = service.submit("generate", {**LONG, "duration": 8.0}, LOCAL)
    live = service.live_audio(job.id, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 2)
    heard = live.chunk()
    (first,) = pids(service)
    os.kill(first, signal.SIGKILL)
    done = finished(service, job.id)
    assert done.state == "succeeded" and done.attempts == 2 and len(done.songs) == 1
    told = {event.kind: event.data for event in service.events(job.id, LOCAL)}
    assert told["requeued"]["reason"] == "its worker was ended by signal 9"
    # Who listens hears the song go on where it was, and all of it.
    pieces = [heard or b"", *live]
    assert sum(map(len, pieces)) == 4 * 25 * 8 * 1920
    assert pids(service) and pids(service) != [first]
    check_songs(service)
    service.stop()
    assert service.job(job.id, LOCAL).state == "succeeded"


def test_a_job_that_kills_its_worker_each_time(service_plan: Plan, tmp_path: Path, until: Until) -> None:
    service = JobService(service_plan(tmp_path, attempts=2))
    service.start()
    poison = service.submit("generate", LONG, LOCAL)
    for attempt in (1, 2):
        until(lambda attempt=attempt: service.job(poison.id, LOCAL).attempts == attempt)
        until(lambda: service.job(poison.id, LOCAL).blocks_done > 0)
        os.kill(pids(service)[0], signal.SIGKILL)
        until(lambda: service.job(poison.id, LOCAL).state != "running")
    job = service.job(poison.id, LOCAL)
    assert (job.state, job.error) == ("failed", "given up after 2 attempts: its worker was ended by signal 9")
    service.stop()


def test_stopping_gives_back_what_cannot_be_finished(service_plan: Plan, tmp_path: Path, until: Until) -> None:
    service = JobService(service_plan(tmp_path, drain_seconds=0.2))
    service.start()
    job = service.submit("generate", LONG, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 0)
    running = pids(service)
    service.stop()
    waiting = service.job(job.id, LOCAL)
    assert (waiting.state, waiting.attempts, waiting.blocks_done) == ("queued", 0, waiting.blocks_done)
    assert not any(_alive(pid) for pid in running)


def test_stopping_finishes_what_can_be_finished(service_plan: Plan, tmp_path: Path, until: Until) -> None:
    service = JobService(service_plan(tmp_path, drain_seconds=120.0))
    service.start()
    first = service.submit("generate", {**LONG, "duration": 20.0}, LOCAL)
    # Of another sampling: it cannot be made beside the first.
    second = service.submit("generate", {**REQUEST, "sampling": {"steps": 3}}, LOCAL)
    until(lambda: service.job(first.id, LOCAL).blocks_done > 0)
    service.stop()
    assert service.job(first.id, LOCAL).state == "succeeded"
    assert service.job(second.id, LOCAL).state == "queued"


SERVER = """
import sys, time
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.service import JobService
service = JobService(ServicePlan.from_json(sys.argv[1]))
service.start()
print(service.executor.pids[0], flush=True)
time.sleep(600)
"""


def test_workers_end_with_a_killed_server_and_the_next_goes_on(
    service_plan: Plan, tmp_path: Path, until: Until, finished: Finished
) -> None:
    plan = service_plan(tmp_path, lease_seconds=30.0)
    server = subprocess.Popen([sys.executable, "-c", SERVER, plan.to_json()], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    worker = int(server.stdout.readline())
    service = JobService(plan)
    service.start(workers=False)
    job = service.submit("generate", LONG, LOCAL)
    quick = service.submit("generate", REQUEST, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 0)
    server.kill()
    server.wait()
    until(lambda: not _alive(worker))
    # The worker gave the job back in its last moment.
    assert service.job(job.id, LOCAL).state == "queued"
    service.cancel(job.id, LOCAL)
    service.stop()
    after = JobService(plan)
    after.start()
    assert finished(after, quick.id).state == "succeeded"
    check_songs(after)
    after.stop()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_worker_that_does_not_get_on_loses_its_job(service_plan: Plan, tmp_path: Path, until: Until) -> None:
    """A stopped process shows no sign of life: its lease runs out, and the process is replaced."""
    service = JobService(service_plan(tmp_path, lease_seconds=6.0))
    service.start()
    job = service.submit("generate", LONG, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 0)
    (stuck,) = pids(service)
    os.kill(stuck, signal.SIGSTOP)
    until(lambda: service.job(job.id, LOCAL).attempts >= 2)
    until(lambda: not _alive(stuck))
    service.cancel(job.id, LOCAL)
    until(lambda: service.job(job.id, LOCAL).over)
    service.stop()


def test_database_gone_and_back(
    service_plan: Plan, tmp_path: Path, until: Until, finished: Finished, postgres: object
) -> None:
    from songbloom_x2.errors import StorageError

    url = postgres.new_database()  # type: ignore[attr-defined]
    service = JobService(service_plan(tmp_path, database=url))
    service.start()
    job = service.submit("generate", {**LONG, "duration": 12.0}, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 0)
    postgres.stop()  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="database cannot be used") as refused:
        service.submit("generate", REQUEST, LOCAL)
    assert "\n" not in str(refused.value)
    assert not service.health().ready
    time.sleep(3)
    postgres.start()  # type: ignore[attr-defined]
    done = finished(service, job.id)
    assert done.state == "succeeded" and len(done.songs) == 1
    assert finished(service, service.submit("generate", REQUEST, LOCAL).id).state == "succeeded"
    check_songs(service)
    service.stop()
