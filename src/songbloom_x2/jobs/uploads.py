"""Uploaded sounds: decoded in a child process, kept as FLAC under a name of ours."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from songbloom_x2.config import JobLimits
from songbloom_x2.errors import LimitError, StorageError, StyleError

_SECONDS = 60.0
_TOO_MUCH = "the uploaded sound could not be unpacked within the limits of time and memory; send a shorter one"


def decode_upload(source: Path, target: Path, limits: JobLimits) -> tuple[float, str]:
    """Seconds and SHA-256 of the FLAC that was written to ``target``, whole or not at all.

    Raises ``LimitError`` for what is too large, ``StyleError`` for what is no sound.
    """
    if source.stat().st_size > limits.max_upload_bytes:
        raise LimitError(f"the uploaded sound is larger than {limits.max_upload_bytes} bytes")
    part = target.with_name(f".part-{target.name}")
    command = [sys.executable, "-m", "songbloom_x2.jobs.decode_upload", str(source), str(part)]
    try:
        told = _run([*command, str(limits.max_upload_seconds)])
        if "error" in told:
            raise StyleError(str(told["error"]))
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise StorageError(f"the uploaded sound cannot be kept: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return float(told["seconds"]), digest


def _run(command: list[str]) -> dict[str, Any]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise LimitError(_TOO_MUCH) from None
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise LimitError(_TOO_MUCH)
    told: dict[str, Any] = json.loads(lines[-1])
    return told
