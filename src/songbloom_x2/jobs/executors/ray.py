"""Workers as actors of a Ray cluster: placed, counted by the queue, replaced when they are lost.

Ray only runs them. Which job is whose stands in SQL, so that a lost actor, node or cluster loses no job. All machines
of the cluster need the database (PostgreSQL, where they are several) and the data folder under the same path.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from songbloom_x2.errors import ConfigError, MissingExtraError, StorageError
from songbloom_x2.jobs.claims import Claims
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.staff import Staff

_LOOK_SECONDS = 0.5
_IDLE_SECONDS = 30.0
"""How long more replicas than needed are kept: the next jobs may come soon."""
_SPARE_SECONDS = 15.0
_SHORTEST_LIFE, _LONGEST_PAUSE = 5.0, 30.0

_log = logging.getLogger(__name__)


class Replica:
    """The actor: a worker, which works in one of its threads and is told to stop in another."""

    def __init__(self, id: str, plan: str) -> None:
        """``plan``: as JSON."""
        from songbloom_x2.jobs.worker import Worker

        self._worker = Worker(id, ServicePlan.from_json(plan))

    def run(self) -> None:
        """Work until ``stop``."""
        self._worker.run()

    def stop(self, within: float) -> None:
        """Finish or give the job back within so many seconds."""
        self._worker.stop(within)

    def pid(self) -> int:
        """The process it lives in."""
        return os.getpid()


@dataclass
class _Place:
    """One actor; ``working`` is the promise of its ``run``."""

    worker: str
    actor: Any
    working: Any
    born: float
    leaving: bool = False


class RayExecutor:
    """Between ``min_replicas`` and ``max_replicas`` actors, as many as there are jobs."""

    def __init__(self, plan: ServicePlan, claims: Claims, staff: Staff, jobs: Callable[[], int]) -> None:
        """``jobs`` counts those that wait or run. Raises ``ConfigError`` for bounds that cannot be."""
        config = plan.jobs
        if not 0 <= config.min_replicas <= config.max_replicas or config.max_replicas < 1:
            raise ConfigError(
                f"jobs.min_replicas {config.min_replicas}, jobs.max_replicas {config.max_replicas}: the first must not "
                "be above the second, and that must be at least 1"
            )
        self._plan = plan
        self._claims = claims
        self._staff = staff
        self._jobs = jobs
        self._places: list[_Place] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._needed = time.monotonic()
        self._faults = 0
        self._not_before = 0.0

    @property
    def pids(self) -> list[int]:
        """Process ids of the actors; waits until they are placed."""
        return [int(self._ray.get(place.actor.pid.remote())) for place in self._places]

    def start(self) -> None:
        """Join the cluster, or start one here, and place the first replicas. Raises ``ConfigError``."""
        ray = self._ray = join_cluster(self._plan.jobs.ray_address)
        if self._plan.database.startswith("sqlite") and sum(node["Alive"] for node in ray.nodes()) > 1:
            ray.shutdown()
            raise ConfigError("a Ray cluster of several machines needs a PostgreSQL database: set jobs.database")
        self._kind = ray.remote(Replica)
        for _ in range(self._plan.jobs.min_replicas):
            self._begin()
        self._thread = threading.Thread(target=self._watch, name="replica watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell them to finish, wait, end what is left, leave the cluster."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        drain = self._plan.jobs.drain_seconds
        for place in self._places:
            place.actor.stop.remote(drain)
        if self._places:
            self._ray.wait(
                [place.working for place in self._places], num_returns=len(self._places), timeout=drain + _SPARE_SECONDS
            )
        for place in list(self._places):
            self._ray.kill(place.actor)
            self._gone(place, "the server stopped")
        self._ray.shutdown()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        try:
            self._replace_lost()
            self._fit()
        except StorageError as error:
            _log.warning("%s", error)

    def _replace_lost(self) -> None:
        for place in list(self._places):
            ended, _ = self._ray.wait([place.working], timeout=0)
            if not ended:
                continue
            reason = "its replica was stopped"
            try:
                self._ray.get(place.working)
            except self._ray.exceptions.RayError as error:
                reason = f"its replica was lost: {type(error).__name__}"
                _log.warning("replica %s: %s", place.worker, reason)
                short = time.monotonic() - place.born < _SHORTEST_LIFE
                self._faults = self._faults + 1 if short else 0
                self._not_before = time.monotonic() + min(0.25 * 2**self._faults, _LONGEST_PAUSE)
            self._gone(place, reason)

    def _fit(self) -> None:
        """As many replicas as there is work for, within the bounds."""
        config, now = self._plan.jobs, time.monotonic()
        wanted = min(max(self._jobs(), config.min_replicas), config.max_replicas)
        staying = [place for place in self._places if not place.leaving]
        if wanted >= len(staying):
            self._needed = now
        while len(staying) < wanted and now >= self._not_before:
            staying.append(self._begin())
        if len(staying) > wanted and now - self._needed > _IDLE_SECONDS:
            place = staying[-1]
            place.leaving = True
            place.actor.stop.remote(config.drain_seconds)

    def _begin(self) -> _Place:
        worker = f"ray-{secrets.token_hex(8)}"
        # One thread works, one listens.
        options = self._kind.options(num_gpus=self._plan.jobs.gpus_per_replica, max_concurrency=2, max_restarts=0)
        actor = options.remote(worker, self._plan.to_json())
        place = _Place(worker, actor, actor.run.remote(), time.monotonic())
        self._places.append(place)
        return place

    def _gone(self, place: _Place, reason: str) -> None:
        self._places.remove(place)
        with contextlib.suppress(StorageError):
            # Otherwise the lease runs out by itself.
            self._claims.release_worker(place.worker, reason)
            self._staff.leave(place.worker)


def join_cluster(address: str | None) -> Any:
    """The module ``ray``, connected to the cluster at ``address``, or (none) to one that is started on this machine.

    Raises ``MissingExtraError`` without its package, ``ConfigError`` where there is no such cluster.
    """
    try:
        # Hardly any of it is typed.
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise MissingExtraError("--executor ray", "ray") from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # Nothing is asked of the network: no dashboard, no usage report.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Workers as important as everything else: by itself Ray puts them behind whatever the machine does besides.
        os.environ.setdefault("RAY_worker_niceness", "0")
        quiet["include_dashboard"] = False
    try:
        ray.init(address=address or "local", **quiet)
    except Exception as error:
        # Ray raises what it likes, plain Exception among it.
        raise ConfigError(f"Ray at {address or 'this machine'}: {' '.join(str(error).split())[:200]}") from error
    return ray
