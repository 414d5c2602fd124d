"""Workers of their own: ``songbloom work`` makes the songs of a server without any."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunningServer


def test_another_process_makes_the_songs(
    serve: Callable[..., contextlib.AbstractContextManager[RunningServer]],
    surroundings: Mapping[str, str],
    aligned_model: Path,
    tmp_path: Path,
) -> None:
    with serve(tmp_path / "data", "--workers", 0) as server, server.client() as client:
        asked = {"type": "generate", "request": {"lyrics": "[verse] City lights.", "duration": 2, "seed": 1}}
        job = client.post("/v1/jobs", json=asked).json()["id"]
        given = ["work", "--data-dir", str(tmp_path / "data"), "--model", str(aligned_model), "--device", "cpu"]
        worker = subprocess.Popen([sys.executable, "-m", "songbloom_x2", *given], env=dict(surroundings), cwd="/")
        try:
            deadline = time.monotonic() + 600
            while (state := client.get(f"/v1/jobs/{job}").json()["state"]) in ("queued", "running"):
                assert time.monotonic() < deadline, state
                time.sleep(0.2)
            assert state == "succeeded"
            (song,) = client.get(f"/v1/jobs/{job}").json()["result"]["songs"]
            assert client.get(f"/v1/songs/{song['id']}/audio").content[:4] == b"fLaC"
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(300) == 0


@pytest.mark.parametrize(("flags", "told"), [(("--workers", "0"), "jobs.workers"), (("--workers", "-1"), "workers")])
def test_no_workers_at_all_are_refused(
    flags: tuple[str, ...], told: str, songbloom: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    made = songbloom("work", *flags, "--data-dir", tmp_path / "data")
    assert made.returncode == 2
    assert made.stderr.count("\n") == 1 and told in made.stderr
