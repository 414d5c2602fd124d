"""What is asked of ``/v1`` and matches no operation: 405 with the methods that there are, or 404."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from songbloom_x2.api.problems import Problem, response


class Elsewhere:
    """Mounted behind all operations, so that nothing that is mounted later answers in their place."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """``routes``: all operations."""
        self._routes = [route for route in routes if isinstance(route, APIRoute)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        matching = [route for route in self._routes if route.path_regex.match(scope["path"])]
        there = {method for route in matching for method in route.methods or ()}
        if there:
            allowed = ", ".join(sorted(there))
            problem = Problem("method-not-allowed", f"there is {allowed} here", headers={"Allow": allowed})
        else:
            problem = Problem("not-found", "there is no such operation; /openapi.json tells them all")
        await response(problem, scope)(scope, receive, send)
