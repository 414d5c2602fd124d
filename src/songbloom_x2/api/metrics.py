"""Numbers for Prometheus: requests as they are answered, jobs and workers as they are at the moment of asking."""

from __future__ import annotations

import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.records import Health

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """One registry a server, so that two in a process do not mix."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "songbloom_http_requests", "Requests answered", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "songbloom_http_request_seconds",
            "Until an answer began",
            ("method", "route"),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._registry.register(_Jobs(health))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. ``route`` is the path's pattern: paths themselves would be labels without end."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    """The queue and the workers, looked up when somebody asks."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        try:
            health = self._health()
        except SongBloomError:
            yield GaugeMetricFamily("songbloom_ready", "1 where songs can be made", 0)
            return
        yield GaugeMetricFamily("songbloom_ready", "1 where songs can be made", int(health.ready))
        jobs = GaugeMetricFamily("songbloom_jobs", "Jobs that are not over", labels=("state",))
        jobs.add_metric(("queued",), health.queued)
        jobs.add_metric(("running",), health.running)
        yield jobs
        workers = GaugeMetricFamily("songbloom_workers", "Workers by what they do", labels=("state",))
        for state, count in sorted(Counts(worker.state for worker in health.workers).items()):
            workers.add_metric((state,), count)
        yield workers


class Measured:
    """Middleware: tells ``Metrics`` of every answer when it begins."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                seconds = time.perf_counter() - started
                self._metrics.answered(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, told)
