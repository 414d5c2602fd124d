"""Many jobs from many clients at once, over HTTP, on SQLite: accepted or 429, none lost or doubled, submitting quick.

python tests/soak/submissions.py --jobs 1000 --clients 50 --out tests/soak/results/submissions.json
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ground import REQUEST, check_songs, report, serving, states, tiny_model, wait_until_over

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.service import JobService

GOAL_SECONDS = 0.2


def run(jobs: int, clients: int, *, finish: float) -> dict:
    """``clients`` threads, each with a connection of its own, submit ``jobs`` in all, one after the other each."""
    with tempfile.TemporaryDirectory() as folder:
        model, data = tiny_model(Path(folder) / "tiny"), Path(folder) / "data"
        with serving(data, "--model", str(model), SONGBLOOM_RUNTIME_THREADS="1") as (port, _):
            answers = _submit(port, jobs, clients)
            plan = ServicePlan.at(data, model=str(model), runtime=RuntimeConfig(device="cpu"))
            service = JobService(plan)
            service.start(workers=False)
            accepted = [id for status, id, _ in answers if status == 202]
            known = [job.id for job in service.jobs(LOCAL, limit=100_000)]
            ended = wait_until_over(service, finish) if finish else states(service)
            checked = check_songs(service) if finish else {}
            service.stop()
    times = sorted(seconds for _, _, seconds in answers)
    counted: dict[str, int] = {}
    for status, _, _ in answers:
        counted[str(status)] = counted.get(str(status), 0) + 1
    return {
        "clients": clients,
        "answers": counted,
        "lost": len(set(accepted) - set(known)),
        "doubled": len(known) - len(set(accepted)),
        "submit_seconds": {
            "p50": round(times[len(times) // 2], 4),
            "p99": round(times[int(len(times) * 0.99)], 4),
            "longest": round(times[-1], 4),
        },
        "states": ended,
        **checked,
    }


def reached(found: dict) -> bool:
    """Nothing but 202 and 429, nothing lost or doubled, the goal for the slowest hundredth."""
    answered = set(found["answers"]) <= {"202", "429"} and found["lost"] == found["doubled"] == 0
    return answered and found["submit_seconds"]["p99"] < GOAL_SECONDS


def _submit(port: int, jobs: int, clients: int) -> list[tuple[int, str, float]]:
    """Status, id and seconds of every submission."""
    answers: list[tuple[int, str, float]] = []
    begin = threading.Barrier(clients)

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.connect()
        begin.wait()
        for take in range(number, jobs, clients):
            body = json.dumps({"type": "generate", "request": {**REQUEST, "seed": take}})
            started = time.perf_counter()
            connection.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
            answers.append((answer.status, told.get("id", ""), time.perf_counter() - started))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--finish", type=float, default=1800.0, metavar="S", help="wait for the songs; 0: do not")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = run(args.jobs, args.clients, finish=args.finish)
    command = f"python tests/soak/submissions.py --jobs {args.jobs} --clients {args.clients} --finish {args.finish:g}"
    return report(args, {"command": command, "goal": f"p99 below {GOAL_SECONDS} s", **found}, reached(found))


if __name__ == "__main__":
    sys.exit(main())
