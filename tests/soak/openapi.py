"""The whole OpenAPI document held against a running server by schemathesis, with all its checks.

    songbloom serve --port 8000 --data-dir soak-data --no-page &
    python tests/soak/openapi.py http://127.0.0.1:8000 --examples 50

The server's own limit of requests a minute must be off (SONGBLOOM_SERVER_REQUESTS_PER_MINUTE=none): what it refuses for
that is no answer to what was asked. Short songs (SONGBLOOM_LIMITS_MAX_DURATION=2) keep it from waiting for sound.
Prints what schemathesis tells, then one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PHASES = "examples,coverage,fuzzing,stateful"


def run(
    url: str,
    *,
    examples: int,
    seed: int,
    phases: str = PHASES,
    include: str | None = None,
    timeout: float | None = None,
    more: Sequence[str] = (),
) -> dict[str, Any]:
    """Let schemathesis ask; ``examples`` of each operation, ``include`` a regular expression of paths."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "report.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--checks", "all"]
        command += ["--max-examples", str(examples), "--seed", str(seed), "--phases", phases, "--no-color"]
        command += ["--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"]
        command += ["--report-json-path", str(told), "--request-timeout", "120"]
        command += more
        if include is not None:
            command += ["--include-path-regex", include]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "openapi_hooks",
            "PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", ""))),
        }
        output = Path(folder) / "output.txt"
        with output.open("wb") as out:
            made = subprocess.run(
                command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=timeout, check=False
            )
        report = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
        return {"rc": made.returncode, "report": report, "output": output.read_text(encoding="utf-8")[-20000:]}


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=PHASES)
    parser.add_argument("--include", metavar="REGEX", help="only these paths")
    parser.add_argument("--max-time", type=int, metavar="S", help="repeat for so long")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    more = [] if args.max_time is None else ["--max-time", str(args.max_time)]
    found = run(args.url, examples=args.examples, seed=args.seed, phases=args.phases, include=args.include, more=more)
    print(found["output"])
    sys.path.insert(0, str(HERE))
    from ground import report

    command = f"python tests/soak/openapi.py URL --examples {args.examples} --seed {args.seed} --phases {args.phases}"
    return report(args, {"command": command, "report": found["report"]}, found["rc"] == 0)


if __name__ == "__main__":
    sys.exit(main())
