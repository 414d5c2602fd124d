"""Workers as Ray actors, on a real Ray of this machine: one is killed in mid-song, and more come when jobs wait."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from songbloom_x2.errors import ConfigError
from songbloom_x2.jobs.executors.ray import RayExecutor
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService

pytestmark = pytest.mark.long

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
    more = [
        service.submit("generate", {**REQUEST, "duration": 70.0, "sampling": {"steps": 30}}, LOCAL) for _ in range(2)
    ]
    until(lambda: len(executor.pids) == 2)
    service.stop()
    assert all(service.job(waiting.id, LOCAL).state in ("queued", "succeeded") for waiting in more)


def test_a_list_of_songs_whose_actor_is_killed(endless_model: Path, tmp_path: Path, until: Callable[..., None]) -> None:
    lines = [{"idx": f"song{number}", "lyrics": REQUEST["lyrics"]} for number in range(3)]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"idx": "bad", "lyrics": "[verse]"}])))
    command = [sys.executable, "-m", "songbloom_x2", "generate", "--input-jsonl", str(tmp_path / "list.jsonl")]
    command += ["--output-dir", str(tmp_path / "songs"), "--model", str(endless_model), "--device", "cpu"]
    command += ["--duration", "40", "--json", "--executor", "ray", "--max-replicas", "1"]
    mark = f"SONGBLOOM_MODELS_FOLDER={tmp_path}"
    environment = {**os.environ, **dict([mark.split("=")])}
    made = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    # The first song is there, the second is being made.
    until(lambda: (tmp_path / "songs" / "song0_s0.json").exists() or made.poll() is not None)
    for actor in actors(mark):
        os.kill(actor, signal.SIGKILL)
    out, err = made.communicate(timeout=1200)
    assert made.returncode == 1, err
    told = json.loads(out)
    files = sorted(Path(song["file"]).name for song in told["songs"]) + sorted(Path(p).name for p in told["skipped"])
    assert sorted(files) == [f"song{number}_s0.flac" for number in range(3)]
    assert [line["idx"] for line in told["refused"]] == ["bad"]
    assert "its worker was lost" in err
    assert all((tmp_path / "songs" / name).exists() for name in files)


def actors(mark: str) -> list[int]:
    """The processes of Ray actors that make lines, among those with ``mark`` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (
                    b"LineMaker" in (entry / "cmdline").read_bytes()
                    and mark.encode() in (entry / "environ").read_bytes()
                ):
                    found.append(int(entry.name))
    return found


def test_bounds_that_cannot_be(service_plan: Callable[..., ServicePlan], tmp_path: Path) -> None:
    service = JobService(service_plan(tmp_path, executor="ray", min_replicas=3, max_replicas=2))
    with pytest.raises(ConfigError, match="min_replicas 3"):
        service.start()
    service.stop()
