"""An id for every request: taken over where the client names a plain one, told in the answer and in the log."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger("songbloom_x2.api.access")


class RequestIds:
    """Gives ``scope["state"]["request_id"]`` and writes one line of log a request, when its answer has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _PLAIN.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status, sent_bytes = time.perf_counter(), 0, 0

        async def told(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            client = scope.get("client")
            fields = {
                "request_id": request_id,
                "method": scope["method"],
                # The path as it came is a stranger's text; JSON and the plain form both escape it.
                "path": scope["path"],
                "status": status,
                "bytes": sent_bytes,
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                "client": client[0] if client else None,
                "owner": scope["state"].get("owner_id"),
            }
            _log.info("%s %r %s", scope["method"], scope["path"], status, extra={"fields": fields})
