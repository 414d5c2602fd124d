"""A service on a tiny model, and the waiting that tests of processes need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from songbloom_x2.config import JobsConfig, RuntimeConfig
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true; fail where it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def finished() -> Callable[[JobService, str], Job]:
    """A job once it is over."""

    def wait(service: JobService, id: str) -> Job:
        until(lambda: service.job(id, LOCAL).over)
        return service.job(id, LOCAL)

    return wait


@pytest.fixture(scope="session")
def service_plan(endless_model: Path) -> Callable[..., ServicePlan]:
    def plan(folder: Path, **jobs: object) -> ServicePlan:
        return ServicePlan.at(
            folder,
            model=str(endless_model),
            jobs=JobsConfig(**jobs),  # type: ignore[arg-type]  # by name, for brevity
            runtime=RuntimeConfig(device="cpu", threads=1),
        )

    return plan


@pytest.fixture(scope="session")
def studio(service_plan: Callable[..., ServicePlan], tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    """A running service with one worker; tests share it, so none may count on an empty one."""
    service = JobService(service_plan(tmp_path_factory.mktemp("studio")))
    service.start()
    yield service
    service.stop()
