"""How soon /healthz answers while songs of the embedded model are made: the web process does not make them.

python tests/soak/health.py --seconds 60 --out tests/soak/results/health.json
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ground import REQUEST, report, serving

GOAL_SECONDS = 0.05
_EVERY = 0.05


def run(seconds: float, songs: int) -> dict:
    """Ask every 50 ms, with a connection that stays open, for so long as songs are being made."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data", "--model", "embedded") as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for seed in range(songs):
            ask(
                connection,
                "POST",
                "/v1/jobs",
                {"type": "generate", "request": {**REQUEST, "duration": 60, "seed": seed}},
            )
        while not ask(connection, "GET", "/v1/jobs?state=running")["jobs"]:
            time.sleep(0.1)
        times = []
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            started = time.perf_counter()
            ask(connection, "GET", "/healthz")
            times.append(time.perf_counter() - started)
            time.sleep(_EVERY)
        running = ask(connection, "GET", "/v1/jobs?state=running")["jobs"]
    times.sort()
    return {
        "requests": len(times),
        "songs_running_at_the_end": len(running),
        "seconds": {
            "p50": round(times[len(times) // 2], 4),
            "p99": round(times[int(len(times) * 0.99)], 4),
            "longest": round(times[-1], 4),
        },
    }


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> dict:
    """One request and its JSON."""
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    if answer.status >= 400:
        raise SystemExit(f"{method} {path}: {answer.status} {told}")
    return told


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--songs", type=int, default=4)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = run(args.seconds, args.songs)
    good = found["seconds"]["p99"] < GOAL_SECONDS and found["songs_running_at_the_end"] > 0
    command = f"python tests/soak/health.py --seconds {args.seconds:g} --songs {args.songs}"
    return report(args, {"command": command, "goal": f"p99 below {GOAL_SECONDS} s", **found}, good)


if __name__ == "__main__":
    sys.exit(main())
