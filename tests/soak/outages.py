"""Disk full, songs' folder read-only, database gone: clear errors, recovery without a restart, nothing half-written.

python tests/soak/outages.py --out tests/soak/results/outages.json

Needs root for the disk (a small tmpfs is mounted in a mount namespace of its own: unshare), and PostgreSQL's programs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from ground import REQUEST, check_songs, report, tiny_model

from songbloom_x2.config import JobsConfig, RuntimeConfig
from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService

_INSIDE = "SONGBLOOM_SOAK_NAMESPACE"
_PATIENCE = 300.0


def main() -> int:
    """Run the three and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-seconds", type=float, default=30.0, help="how long the database is away")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if os.environ.get(_INSIDE) is None:
        # What is mounted here ends with this process.
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        return subprocess.run(command, check=False, env={**os.environ, _INSIDE: "1"}).returncode
    found: dict[str, Any] = {"command": f"python tests/soak/outages.py --database-seconds {args.database_seconds:g}"}
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_model(Path(folder) / "tiny")
        disk = Path(folder) / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
        service = _service(ServicePlan.at(disk / "data", model=str(model), **_settings()))
        found["disk_full"] = _while_away(service, lambda: _fill(disk), lambda: (disk / "ballast").unlink())
        songs = str(disk / "data" / "songs")
        found["songs_read_only"] = _while_away(
            service, lambda: _make_read_only(songs), lambda: subprocess.run(["umount", songs], check=True)
        )
        service.stop()
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        found["database_gone"] = _database_gone(Path(folder), model, args.database_seconds)
    good = all(part["reached"] for part in found.values() if isinstance(part, dict))
    return report(args, found, good)


def _settings() -> dict[str, Any]:
    return {"jobs": JobsConfig(lease_seconds=10.0), "runtime": RuntimeConfig(device="cpu", threads=1)}


def _service(plan: ServicePlan) -> JobService:
    service = JobService(plan)
    service.start()
    _made(service, service.submit("generate", REQUEST, LOCAL))
    return service


def _while_away(service: JobService, take: Any, give: Any, *, expect_refused: bool = False) -> dict[str, Any]:
    """A job is being made when the disk goes; another is asked for; then the disk comes back."""
    running = service.submit("generate", {**REQUEST, "duration": 20.0}, LOCAL)
    _until(lambda: service.job(running.id, LOCAL).blocks_done > 0)
    take()
    told = _refusals(service)
    not_ready = not service.health().ready
    problems = list(service.health().problems)
    time.sleep(5)
    give()
    done = _made(service, running)
    after = _made(service, service.submit("generate", REQUEST, LOCAL))
    checked = check_songs(service)
    clean = checked["damaged"] == checked["doubled"] == checked["folders_without_song"] == 0
    finished = done.state == after.state == "succeeded"
    return {
        "told": sorted(set(told)),
        "health": problems,
        "job_that_ran": [done.state, done.attempts, done.error],
        "job_afterwards": after.state,
        **checked,
        "reached": clean and finished and not_ready and (bool(told) or not expect_refused),
    }


def _database_gone(folder: Path, model: Path, seconds: float) -> dict[str, Any]:
    server = _Postgres(Path(tempfile.mkdtemp(prefix="pg-")))
    server.create()
    try:
        service = _service(ServicePlan.at(folder / "data", model=str(model), database=server.url, **_settings()))
        result = _while_away(service, server.stop, lambda: (time.sleep(seconds), server.start()), expect_refused=True)
        service.stop()
        return {"seconds_away": seconds, **result}
    finally:
        server.stop()
        shutil.rmtree(server.folder)


class _Postgres:
    """A PostgreSQL of our own in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o777)
        self.folder = folder
        self.url = f"postgresql://songs@/postgres?host={folder}"
        self._programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1].parent

    def create(self) -> None:
        self._run("initdb", "--pgdata", str(self.folder / "data"), "--username", "songs", "--auth", "trust")
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n")
        self.start()

    def start(self) -> None:
        log = str(self.folder / "log")
        self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "--log", log, "--wait", "start")

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode", "immediate", "--wait", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(self._programs / program)]
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)


def _fill(disk: Path) -> None:
    """Nothing fits any more."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            with contextlib.suppress(OSError):
                file.write(b"\0" * size)
                continue
            size //= 2


def _make_read_only(folder: str) -> None:
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)


def _refusals(service: JobService) -> list[str]:
    """What those are told who ask meanwhile; anything but a clear error ends the test."""
    told = []
    for _ in range(5):
        try:
            service.submit("generate", REQUEST, LOCAL)
        except StorageError as error:
            told.append(str(error))
        time.sleep(0.5)
    return told


def _made(service: JobService, job: Job) -> Job:
    _until(lambda: service.job(job.id, LOCAL).over)
    return service.job(job.id, LOCAL)


def _until(true: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except StorageError:
            pass
        time.sleep(0.1)
    raise SystemExit("it did not come about in time")


if __name__ == "__main__":
    sys.exit(main())
