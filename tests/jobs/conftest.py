"""Databases of both kinds, a service on a tiny model, and the waiting that tests of processes need."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from songbloom_x2.config import JobLimits, JobsConfig, RuntimeConfig
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService


def _postgres_programs() -> Path:
    """The folder of the newest PostgreSQL."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    assert folders, "PostgreSQL is not installed: apt-get install postgresql"
    return folders[-1].parent


@dataclass
class Postgres:
    """A PostgreSQL of our own in a temporary folder, reached by a Unix socket; it knows no other database."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def socket(self) -> str:
        return f"host={self.folder} user=songs"

    def run(self, program: str, *arguments: str) -> None:
        command = [str(_postgres_programs() / program), *arguments]
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def create(self) -> None:
        self.run("initdb", "--pgdata", str(self.folder / "data"), "--username", "songs", "--auth", "trust", "--no-sync")
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n")

    def start(self) -> None:
        log = str(self.folder / "log")
        self.run("pg_ctl", "--pgdata", str(self.folder / "data"), "--log", log, "--wait", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode", "immediate", "--wait", "stop")

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"songs{next(self.numbers)}"
        with psycopg.connect(f"{self.socket} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of ours
        return f"postgresql://songs@/{name}?host={self.folder}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not pytest's folder: the server's user must be able to reach it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o777)
    server = Postgres(folder)
    server.create()
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'songs.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database of each kind."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Wait for something to become true; fail where it does not."""

    def wait(true: Callable[[], object], seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def finished(until: Callable[..., None]) -> Callable[[JobService, str], Job]:
    """A job once it is over."""

    def wait(service: JobService, id: str) -> Job:
        until(lambda: service.job(id, LOCAL).over)
        return service.job(id, LOCAL)

    return wait


@pytest.fixture(scope="session")
def service_plan(endless_model: Path) -> Callable[..., ServicePlan]:
    """A plan with the tiny model; keywords are fields of ``JobsConfig``."""

    def plan(
        folder: Path, *, limits: JobLimits | None = None, database: str | None = None, **jobs: object
    ) -> ServicePlan:
        more = {} if database is None else {"database": database}
        return ServicePlan.at(
            folder,
            model=str(endless_model),
            jobs=JobsConfig(**jobs),  # type: ignore[arg-type]  # by name, for brevity
            limits=limits or JobLimits(),
            runtime=RuntimeConfig(device="cpu", threads=1),
            **more,
        )

    return plan


@pytest.fixture(scope="session")
def studio(service_plan: Callable[..., ServicePlan], tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    """A running service with one worker; tests share it, so none may count on an empty one."""
    service = JobService(service_plan(tmp_path_factory.mktemp("studio")))
    service.start()
    yield service
    service.stop()
