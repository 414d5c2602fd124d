"""Workers as Ray actors, on a real Ray of this machine: one is killed in mid-song, and more come when jobs wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from songbloom_x2.errors import ConfigError
from songbloom_x2.jobs.executors.ray import RayExecutor
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService

REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 1.6}


def test_an_actor_killed_in_mid_song(
    service_plan: Callable[..., ServicePlan],
    tmp_path: Path,
    until: Callable[..., None],
    finished: Callable[[JobService, str], Job],
) -> None:
    service = JobService(service_plan(tmp_path, executor="ray", min_replicas=1, max_replicas=2, drain_seconds=1.0))
    service.start()
    executor = service.executor
    assert isinstance(executor, RayExecutor)
    job = service.submit("generate", {**REQUEST, "duration": 20.0}, LOCAL)
    until(lambda: service.job(job.id, LOCAL).blocks_done > 1)
    (first,) = executor.pids
    os.kill(first, signal.SIGKILL)
    done = finished(service, job.id)
    assert (done.state, done.attempts, len(done.songs)) == ("succeeded", 2, 1)
    told = {event.kind: event.data for event in service.events(job.id, LOCAL)}
    assert "its replica was lost" in told["requeued"]["reason"]
    assert first not in executor.pids
    # Two wait: a second actor comes.
    more = [service.submit("generate", {**REQUEST, "duration": 30.0}, LOCAL) for _ in range(2)]
    until(lambda: len(executor.pids) == 2)
    for waiting in more:
        service.cancel(waiting.id, LOCAL)
    service.stop()


def test_bounds_that_cannot_be(service_plan: Callable[..., ServicePlan], tmp_path: Path) -> None:
    service = JobService(service_plan(tmp_path, executor="ray", min_replicas=3, max_replicas=2))
    with pytest.raises(ConfigError, match="min_replicas 3"):
        service.start()
    service.stop()
