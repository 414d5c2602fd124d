"""What the long tests stand on: a tiny model, a server process, and the check of songs: each there once, and whole."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from songbloom_x2.audio.files import read_audio
from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.service import JobService
from songbloom_x2.runtime.plan import resolve

GOLDEN = Path(__file__).parents[1] / "golden" / "prepend-flow"
REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 0.64}
SERVER = """
import sys, threading
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.service import JobService
service = JobService(ServicePlan.from_json(sys.argv[1]))
service.start()
print("ready", flush=True)
threading.Event().wait()
"""


def tiny_model(folder: Path) -> Path:
    """A small random model that makes songs as long as they are asked to be, as a native folder."""
    loaded = load_model(GOLDEN, resolve(RuntimeConfig(device="cpu", optimisation="minimal")))
    model = loaded.model
    with torch.no_grad():
        model.sketch.classifier[2].bias[model.sketch.end_token] = -1e4
    model.config = dataclasses.replace(model.config, max_frames=2000)
    native.save(folder, model)
    return folder


def start_server(plan: ServicePlan) -> subprocess.Popen[str]:
    """A process with the service and its workers, ready."""
    server = subprocess.Popen([sys.executable, "-c", SERVER, plan.to_json()], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    server.stdout.readline()
    return server


@contextlib.contextmanager
def serving(data: Path, *flags: str, **variables: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """``songbloom serve`` on a free port, and its process; stopped at the end."""
    environment = {**os.environ, "SONGBLOOM_SERVER_REQUESTS_PER_MINUTE": "none", **variables}
    command = [sys.executable, "-m", "songbloom_x2", "serve", "--port", "0", "--no-page", "--data-dir", str(data)]
    server = subprocess.Popen([*command, *flags, "--device", "cpu"], stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield _port(server), server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _port(server: subprocess.Popen[str]) -> int:
    assert server.stderr is not None
    for line in server.stderr:
        if address := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            # The rest of the log must not fill the pipe.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return int(address[1])
    raise RuntimeError("the server did not start")


def children(pid: int) -> list[int]:
    """The processes that a process started and that run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def wait_until_over(service: JobService, seconds: float) -> dict[str, int]:
    """Wait until no job waits or runs; how many are in each state then, or when the time is up."""
    deadline = time.monotonic() + seconds
    while any(service.jobs(LOCAL, state=state, limit=1) for state in ("queued", "running")):
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return states(service)


def states(service: JobService) -> dict[str, int]:
    """How many jobs are in each state."""
    counted: dict[str, int] = {}
    for job in service.jobs(LOCAL, limit=100_000):
        counted[job.state] = counted.get(job.state, 0) + 1
    return counted


def check_songs(service: JobService) -> dict[str, int]:
    """Every recorded song: whole, its checksum that of its file, once for its job and place; and what lies about."""
    songs = service.songs(LOCAL, limit=100_000)
    damaged = 0
    for song in songs:
        file = service.song_file(song.id, LOCAL)
        whole = hashlib.sha256(file.read_bytes()).hexdigest() == song.sha256
        whole = whole and abs(read_audio(file).seconds - song.seconds) < 1e-6
        damaged += not (whole and service.manifest(song.id, LOCAL)["seed"] == song.seed)
    service.upkeep.once()
    folders = len(list((Path(service.plan.data_dir) / "songs").iterdir()))
    places = {(song.job, song.sample) for song in songs}
    return {
        "songs": len(songs),
        "damaged": damaged,
        "doubled": len(songs) - len(places),
        "folders_without_song": folders - len(songs),
    }


def report(args: argparse.Namespace, found: Mapping[str, Any], good: bool) -> int:
    """Print the result, and write it where ``--out`` says; 0 where the goal was reached."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    told = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine, **found, "reached": good}
    text = json.dumps(told, indent=1)
    print(text)
    if args.out is not None:
        args.out.write_text(text + "\n", encoding="utf-8")
    return 0 if good else 1
