"""So many requests a minute from each client: a token bucket for each, in bounded memory."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from songbloom_x2.api.problems import Problem, response

_MOST_CLIENTS = 10_000


class Buckets:
    """A bucket a client holds a minute's requests and is refilled evenly; the longest unused are forgotten first."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """0 where the client may go on, else the seconds until it may."""
        now = self._clock()
        left, then = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class RateLimit:
    """Refuses with 429 and ``Retry-After``. Counts below ``/v1`` only: pages and probes are not a client's work."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            wait = self._buckets.take(client_of(scope))
            if wait:
                problem = Problem("too-many-requests", "more requests a minute than are allowed", retry_after=wait)
                await response(problem, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def client_of(scope: Scope) -> str:
    """Who is asking, as far as is known before a key is checked: the address, nothing that the client may make up."""
    client = scope.get("client")
    address = client[0] if client else ""
    return hashlib.sha256(address.encode()).hexdigest()
