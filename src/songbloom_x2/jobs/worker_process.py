"""The process around a worker: ``python -m songbloom_x2.jobs.worker_process ID`` with the plan as a line on stdin.

It ends with whoever started it: when stdin is closed, the job is given back at once.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.worker import Worker

_NICE = 5
"""How far songs stand back behind what only takes milliseconds: the web process, the player that plays them."""
_LAST_SECONDS = 10.0
"""How long a worker may take to stop after its time is up; then the process ends, and its job is treated as lost."""


def main() -> int:
    """Run one worker until it is told to stop."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    plan = ServicePlan.from_json(sys.stdin.readline())
    worker = Worker(sys.argv[1], plan)

    def told(*_: object) -> None:
        _stop(worker, plan.jobs.drain_seconds)

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(worker,), daemon=True).start()
    try:
        worker.run()
    except SongBloomError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


def _watch_parent(worker: Worker) -> None:
    # Nothing is ever written after the plan: reading ends when the other end is closed, however that came about.
    while sys.stdin.read(1024):
        pass
    _stop(worker, 0.0)


def _stop(worker: Worker, within: float) -> None:
    worker.stop(within)
    timer = threading.Timer(within + _LAST_SECONDS, os._exit, args=(3,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
