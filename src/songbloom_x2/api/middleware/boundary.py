"""The last net: what nobody expected is logged with its trace, and the client learns only the request's id."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songbloom_x2.api.problems import Problem, request_id_of, response

_log = logging.getLogger(__name__)


class Boundary:
    """Turns any exception into a problem 500, where the answer has not begun; else the connection is cut."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Problem as problem:
            if begun:
                raise
            await response(problem, scope)(scope, receive, send)
        except Exception:
            fields = {"request_id": request_id_of(scope), "path": scope["path"]}
            _log.exception("unexpected, request %s", fields["request_id"], extra={"fields": fields})
            if begun:
                raise
            told = "the log of the server says more, under this request_id"
            await response(Problem("internal", told), scope)(scope, receive, send)
