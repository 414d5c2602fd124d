"""requirements.lock: requirements.txt with all that it pulls in, each file by its SHA-256, for one Python.

    python3.11 scripts/make_lock.py > requirements.lock

Nothing is installed or unpacked: pip resolves and reports. torch is left out, with what it pulls in: its builds (CPU,
CUDA) are other files of the same version, and which one is right is the machine's business. pip then checks all others:

    pip install torch==2.13.0
    pip install --require-hashes --no-deps -r requirements.lock
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def resolved() -> list[dict[str, Any]]:
    """What pip would install."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as wanted:
        wanted.write("".join(line for line in lines if not line.startswith("torch==")))
        wanted.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--constraint", str(ROOT / "constraints.txt"), "--report", "-", "-r", wanted.name]
        report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: list[dict[str, Any]] = json.loads(report)["install"]
    return found


def locked(packages: list[dict[str, Any]]) -> str:
    """The file's text."""
    machine = f"Python {sys.version_info[0]}.{sys.version_info[1]}, {platform.system()} {platform.machine()}"
    lines = [
        f"# requirements.txt and what it pulls in, with the SHA-256 of each file, for {machine}; torch left out.",
        "# Written by scripts/make_lock.py: pip install --require-hashes --no-deps -r requirements.lock",
    ]
    for package in sorted(packages, key=lambda package: canonical(package["metadata"]["name"])):
        name, version = canonical(package["metadata"]["name"]), package["metadata"]["version"]
        digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} --hash=sha256:{digest}")
    return "\n".join(lines) + "\n"


def canonical(name: str) -> str:
    """As indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.stdout.write(locked(resolved()))
