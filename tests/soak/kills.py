"""Random ``kill -9`` of workers and server while songs are made: afterwards every song is there, once and whole.

python tests/soak/kills.py --jobs 200 --kills 100 --out tests/soak/results/kills.json
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ground import REQUEST, check_songs, children, report, start_server, tiny_model, wait_until_over

from songbloom_x2.config import JobLimits, JobsConfig, RuntimeConfig
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.service import JobService


def run(jobs: int, kills: int, *, workers: int, every: float, server_share: float, seed: int, seconds: float) -> dict:
    """Kill at random moments while songs are made, ``every`` seconds into it on average; then let all be finished."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        plan = ServicePlan.at(
            Path(folder) / "data",
            model=str(tiny_model(Path(folder) / "tiny")),
            # Attempts are not what is tested here: a job may be unlucky often.
            jobs=JobsConfig(workers=workers, lease_seconds=4.0, attempts=1000),
            limits=JobLimits(max_queued=jobs),
            runtime=RuntimeConfig(device="cpu", threads=1),
        )
        started = time.monotonic()
        server = start_server(plan)
        service = JobService(plan)
        service.start(workers=False)
        for number in range(jobs):
            service.submit("generate", {**REQUEST, "seed": number, "duration": 3.2}, LOCAL)
        killed = {"worker": 0, "server": 0}
        while sum(killed.values()) < kills and time.monotonic() - started < seconds:
            wait_for_work(service)
            time.sleep(chance.uniform(0, 2 * every))
            if chance.random() < server_share:
                server.kill()
                server.wait()
                killed["server"] += 1
                server = start_server(plan)
            elif found := children(server.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(found), signal.SIGKILL)
                    killed["worker"] += 1
        ended = wait_until_over(service, max(seconds - (time.monotonic() - started), 1.0))
        attempts = sum(job.attempts for job in service.jobs(LOCAL, limit=100_000))
        server.terminate()
        server.kill()
        server.wait()
        time.sleep(3)
        checked = check_songs(service)
        service.stop()
        return {
            "jobs": jobs,
            "killed": killed,
            "states": ended,
            "attempts": attempts,
            **checked,
            "seconds": round(time.monotonic() - started, 1),
        }


def wait_for_work(service: JobService, seconds: float = 60.0) -> None:
    """Until a song is being made: a kill before that would hit nothing but a worker that starts."""
    deadline = time.monotonic() + seconds
    while not service.jobs(LOCAL, state="running", limit=1) and time.monotonic() < deadline:
        time.sleep(0.02)


def reached(found: dict, jobs: int, kills: int) -> bool:
    """All songs, each once, checksums right, nothing left lying about, and as many kills as wanted."""
    return (
        found["states"] == {"succeeded": jobs}
        and found["songs"] == jobs
        and found["damaged"] == found["doubled"] == found["folders_without_song"] == 0
        and sum(found["killed"].values()) >= kills
        # Some of the kills were in the middle of a song.
        and found["attempts"] > jobs
    )


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=0.3, help="seconds into a song, on average")
    parser.add_argument("--server-share", type=float, default=0.15, help="how many of the kills are the server's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1800.0, help="give up after so long")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = run(
        args.jobs,
        args.kills,
        workers=args.workers,
        every=args.every,
        server_share=args.server_share,
        seed=args.seed,
        seconds=args.seconds,
    )
    command = f"python tests/soak/kills.py --jobs {args.jobs} --kills {args.kills} --every {args.every:g}"
    return report(args, {"command": command, **found}, reached(found, args.jobs, args.kills))


if __name__ == "__main__":
    sys.exit(main())
