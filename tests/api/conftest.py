"""Real servers on tiny models, as users start them: another process, another port, real clients."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

SOURCES = Path(__file__).parents[2] / "src"
LYRICS = "[verse] City lights are calling me home."
_PLACE = re.compile(r"serving at (http://[^ /]+)/")


@dataclass
class RunningServer:
    """A server process: where it is, what it said, and its data folder."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    data: Path

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """A client of it, with a key if there is one."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=300, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; gives its exit code."""
        self.process.send_signal(number)
        return self.process.wait(300)


@pytest.fixture(scope="session")
def surroundings() -> Mapping[str, str]:
    """As little as possible of this process's environment, one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SONGBLOOM_")}
    return {**kept, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def songbloom(surroundings: Mapping[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, in another process, run to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "songbloom_x2", *map(str, arguments)]
        return subprocess.run(
            command, env=dict(surroundings), cwd="/", capture_output=True, text=True, timeout=600, check=False
        )

    return run


@pytest.fixture(scope="session")
def serve(
    surroundings: Mapping[str, str], aligned_model: Path
) -> Callable[..., contextlib.AbstractContextManager[RunningServer]]:
    """A server with a tiny model on a free port, ended with the ``with``; ``under``: a command that starts it."""

    @contextlib.contextmanager
    def running(data: Path, *flags: object, under: Sequence[str] = (), **variables: str) -> Iterator[RunningServer]:
        log = data.parent / f"{data.name}.log"
        given = ["serve", "--port", "0", "--data-dir", data, "--no-page", "--model", aligned_model]
        given += ["--device", "cpu", "--threads", "1", *flags]
        with log.open("wb") as told:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "songbloom_x2", *map(str, given)],
                env={**surroundings, **variables},
                cwd="/",
                stdout=told,
                stderr=subprocess.STDOUT,
            )
        try:
            yield RunningServer(_place(process, log), process, log, data)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(300)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return running


@pytest.fixture(scope="session")
def server(
    serve: Callable[..., contextlib.AbstractContextManager[RunningServer]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningServer]:
    """A server without keys that tests share: none may count on an empty one."""
    with serve(tmp_path_factory.mktemp("open") / "data") as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


@pytest.fixture(scope="session")
def generate() -> Callable[..., dict[str, Any]]:
    """Ask for a short song; the job as it was accepted."""

    def ask(client: httpx.Client, **request: Any) -> dict[str, Any]:
        body = {"type": "generate", "request": {"lyrics": LYRICS, "duration": 0.64, "seed": 1, **request}}
        answer = client.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return ask


@pytest.fixture(scope="session")
def until_over() -> Callable[..., dict[str, Any]]:
    """The job once it is over."""

    def wait(client: httpx.Client, job: str, seconds: float = 900) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
            if found["state"] in ("succeeded", "failed", "cancelled"):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def song(
    server: RunningServer, generate: Callable[..., dict[str, Any]], until_over: Callable[..., dict[str, Any]]
) -> str:
    """The id of a finished song of a second or so."""
    with server.client() as client:
        job = until_over(client, generate(client, duration=1.3, title="First", seed=5)["id"])
        assert job["state"] == "succeeded", job
        return str(job["result"]["songs"][0]["id"])


def _place(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        found = _PLACE.search(log.read_text(encoding="utf-8", errors="replace"))
        if found is not None:
            return found[1]
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.02)
    raise AssertionError(log.read_text(encoding="utf-8"))
