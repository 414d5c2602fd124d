"""Uploaded sounds: decoded in a process of its own that may be killed, with bounds on memory, time, disk and duration.

They are kept as FLAC under a name of ours; what the client calls them is part of no path.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from songbloom_x2.config import JobLimits
from songbloom_x2.errors import LimitError, StorageError, StyleError

MEMORY_BYTES = 768 * 2**20
"""Address space of the decoding process, libraries included: sound passes through it block by block."""
CPU_SECONDS = 60
WALL_SECONDS = 90.0
FILE_BYTES = 2**30
_TOO_MUCH = "the uploaded sound could not be unpacked within the limits of time and memory; send a shorter one"


def decode_upload(source: Path, target: Path, limits: JobLimits, *, wall: float = WALL_SECONDS) -> tuple[float, str]:
    """Decode ``source`` into ``target`` (FLAC), whole or not at all; gives seconds, and the SHA-256 of what was sent.

    Raises ``LimitError`` for what is too large or too much work, ``StyleError`` for what is no sound or too long,
    ``StorageError`` where it cannot be kept.
    """
    if source.stat().st_size > limits.max_upload_bytes:
        raise LimitError(f"the uploaded sound is larger than {limits.max_upload_bytes} bytes")
    part = target.with_name(f".part-{target.name}")
    bounds = {
        "max_seconds": limits.max_upload_seconds,
        "memory_bytes": MEMORY_BYTES,
        "cpu_seconds": CPU_SECONDS,
        "file_bytes": FILE_BYTES,
    }
    try:
        told = _run([str(source), str(part), json.dumps(bounds)], wall)
        if "refused" in told:
            raise StyleError(f"the uploaded sound: {told['refused']}")
        if told.get("unkept") == errno.EFBIG:
            raise LimitError(_TOO_MUCH)
        if "unkept" in told:
            raise OSError(told["unkept"], os.strerror(told["unkept"] or errno.EIO))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise StorageError(f"the uploaded sound cannot be kept: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return float(told["seconds"]), str(told["sha256"])


def _run(arguments: list[str], wall: float) -> dict[str, Any]:
    # One thread each: a BLAS that reserves memory for every core would not fit into the limit.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "songbloom_x2.jobs.upload_child", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **threads},
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(timeout=wall)
    except subprocess.TimeoutExpired:
        raise LimitError(_TOO_MUCH) from None
    finally:
        _end(child)
    if child.returncode != 0:
        raise LimitError(_TOO_MUCH)
    told: dict[str, Any] = json.loads(answer)
    return told


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the process with all it may have started, and reap it."""
    if child.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.communicate()
