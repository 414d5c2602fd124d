"""Workers as processes of this machine: started, watched, replaced after a fault."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.claims import Claims
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.staff import Staff

_LOOK_SECONDS = 0.2
_SIGNS_SECONDS = 1.0
_SPARE_SECONDS = 15.0
"""Beyond the drain: how long stopping may take before processes are killed."""
_SHORTEST_LIFE, _LONGEST_PAUSE = 5.0, 30.0

_log = logging.getLogger(__name__)


@dataclass
class _Place:
    """One worker's place; ``faults`` counts short lives in a row, each doubling the pause before the next."""

    process: subprocess.Popen[str] | None = None
    worker: str = ""
    born: float = 0.0
    faults: int = 0
    not_before: float = 0.0
    looked: float = 0.0
    heard: float = 0.0
    """When the database was away last: silence before that tells nothing."""


class LocalExecutor:
    """A number of worker processes."""

    def __init__(self, plan: ServicePlan, claims: Claims, staff: Staff) -> None:
        """Nothing is started yet."""
        self._plan = plan
        self._claims = claims
        self._staff = staff
        self._places = [_Place() for _ in range(plan.jobs.workers)]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [place.process.pid for place in self._places if place.process is not None]

    def memory(self) -> dict[str, int]:
        """Bytes of memory that each worker takes now; empty where the system does not tell."""
        found = {}
        for place in self._places:
            with contextlib.suppress(OSError, ValueError, IndexError):
                if place.process is not None:
                    pages = int(Path(f"/proc/{place.process.pid}/statm").read_text(encoding="ascii").split()[1])
                    found[place.worker] = pages * os.sysconf("SC_PAGE_SIZE")
        return found

    def start(self) -> None:
        """Start all workers; a thread watches them."""
        for place in self._places:
            self._begin(place)
        self._thread = threading.Thread(target=self._watch, name="worker watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell them to finish, wait, kill what is left."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        running = [place for place in self._places if place.process is not None]
        for place in running:
            assert place.process is not None
            with contextlib.suppress(OSError):
                place.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._plan.jobs.drain_seconds + _SPARE_SECONDS
        for place in running:
            assert place.process is not None
            try:
                place.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                place.process.kill()
                place.process.wait()
            self._gone(place)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for place in self._places:
                if place.process is not None and place.process.poll() is None and self._stuck(place):
                    _log.warning("worker %s gives no sign of life; it is replaced", place.worker)
                    place.process.kill()
                    place.process.wait()
                if place.process is not None and place.process.poll() is not None:
                    self._gone(place)
                if place.process is None and time.monotonic() >= place.not_before:
                    self._begin(place)

    def _stuck(self, place: _Place) -> bool:
        """Whether a worker that has shown itself once did not do so for longer than a lease."""
        now = time.monotonic()
        if now - place.looked < _SIGNS_SECONDS:
            return False
        place.looked = now
        try:
            silent = self._staff.silent_for(place.worker)
        except StorageError:
            # Nobody can show himself now.
            place.heard = now
            return False
        if silent is None:
            return now - place.born > self._plan.jobs.stall_seconds
        return min(silent, now - place.heard) > self._plan.jobs.lease_seconds

    def _begin(self, place: _Place) -> None:
        place.worker = f"local-{secrets.token_hex(8)}"
        command = [sys.executable, "-m", "songbloom_x2.jobs.worker_process", place.worker]
        place.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        place.born = time.monotonic()
        assert place.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            place.process.stdin.write(self._plan.to_json() + "\n")
            place.process.stdin.flush()

    def _gone(self, place: _Place) -> None:
        """A process ended: its job is treated as lost, and its place is free after a pause."""
        assert place.process is not None
        code = place.process.returncode
        if place.process.stdin is not None:
            with contextlib.suppress(OSError):
                place.process.stdin.close()
        reason = f"its worker was ended by signal {-code}" if code < 0 else f"its worker ended with exit code {code}"
        short = time.monotonic() - place.born < _SHORTEST_LIFE
        place.faults = place.faults + 1 if short and code else 0
        place.not_before = time.monotonic() + min(0.25 * 2**place.faults - 0.25, _LONGEST_PAUSE)
        place.process = None
        if code:
            _log.warning("worker %s: %s", place.worker, reason)
        try:
            self._claims.release_worker(place.worker, reason)
            self._staff.leave(place.worker)
        except StorageError as error:
            # The lease runs out by itself.
            _log.warning("%s", error)
