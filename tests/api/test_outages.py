"""A disk that takes no more, one that may only be read, a server that is killed: refused clearly, and it goes on.

Short forms of tests/soak/outages.py that need no mounts: the system itself refuses to write.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.long

Ask = Callable[..., dict[str, Any]]
Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]
UNLIMITED = resource.RLIM_INFINITY


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


def until(true: Callable[[], object], seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@contextlib.contextmanager
def no_room(pids: list[int]) -> Iterator[None]:
    """No file of these processes may grow beyond a few bytes."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def refused(client: httpx.Client) -> dict[str, Any]:
    """What somebody is told who asks for a song that cannot be kept."""
    body = {"type": "generate", "request": {"lyrics": "[verse] Home.", "duration": 0.64}}
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == "urn:songbloom:problem:unavailable" and "\n" not in problem["detail"]
    return problem


def whole(client: httpx.Client, data: Path, made: set[str]) -> None:
    """The songs that were made are there, each once, and nothing else is."""
    songs = client.get("/v1/songs").json()["songs"]
    assert {song["id"] for song in songs} == made and len(songs) == len(made)
    assert {path.name.partition(".")[0] for path in (data / "songs").iterdir()} == made
    assert list((data / "live").iterdir()) == []


def test_a_full_disk_is_said_and_survived(serve: Serve, tmp_path: Path, generate: Ask, until_over: Ask) -> None:
    with serve(tmp_path / "data") as server, server.client() as client:
        first = until_over(client, generate(client)["id"])
        running = generate(client, duration=20)
        until(lambda: client.get(f"/v1/jobs/{running['id']}").json()["progress"]["blocks_done"])
        with no_room(family(server.process.pid)):
            assert "database" in refused(client)["detail"]
            ready = client.get("/readyz")
            assert ready.status_code == 503 and "data folder" in ready.text
            assert str(tmp_path) not in ready.text
            assert client.get("/healthz").status_code == 200
            assert client.get(first["songs"][0]["audio"]).status_code == 200
            time.sleep(1)
        until(lambda: client.get("/readyz").status_code == 200)
        done = until_over(client, running["id"])
        assert (done["state"], len(done["result"]["songs"])) == ("succeeded", 1), done
        after = until_over(client, generate(client)["id"])
        ids = {job["result"]["songs"][0]["id"] for job in (first, done, after)}
        until(lambda: not list((server.data / "live").iterdir()))
        whole(client, server.data, ids)


def test_a_folder_that_may_only_be_read(serve: Serve, tmp_path: Path, generate: Ask, until_over: Ask) -> None:
    # The superuser writes everywhere, unless that right is taken away.
    under = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    with serve(tmp_path / "data", under=under) as server, server.client() as client:
        first = until_over(client, generate(client)["id"])
        songs = server.data / "songs"
        songs.chmod(0o500)
        try:
            waiting = generate(client)
            until(lambda: client.get("/readyz").status_code == 503)
            assert "data folder" in client.get("/readyz").text
            time.sleep(1)
            assert client.get(f"/v1/jobs/{waiting['id']}").json()["state"] in ("queued", "running")
            assert client.get(first["songs"][0]["audio"]).status_code == 200
        finally:
            songs.chmod(0o700)
        done = until_over(client, waiting["id"])
        assert done["state"] == "succeeded" and done["attempts"] == 1
        until(lambda: not list((server.data / "live").iterdir()))
        whole(client, server.data, {job["result"]["songs"][0]["id"] for job in (first, done)})


def test_the_server_is_killed_in_mid_song_and_started_again(
    serve: Serve, tmp_path: Path, generate: Ask, until_over: Ask
) -> None:
    with serve(tmp_path / "data", SONGBLOOM_JOBS_LEASE_SECONDS="20") as server, server.client() as client:
        running, waiting = generate(client, duration=20, seed=1), generate(client, seed=2)
        until(lambda: client.get(f"/v1/jobs/{running['id']}").json()["progress"]["blocks_done"])
        server.process.kill()
    with serve(tmp_path / "data", SONGBLOOM_JOBS_LEASE_SECONDS="20") as server, server.client() as client:
        done = [until_over(client, job["id"]) for job in (running, waiting)]
        assert [job["state"] for job in done] == ["succeeded", "succeeded"], done
        until(lambda: not list((server.data / "live").iterdir()))
        whole(client, server.data, {job["result"]["songs"][0]["id"] for job in done})
