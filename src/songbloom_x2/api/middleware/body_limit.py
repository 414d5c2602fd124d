"""Request bodies counted while they arrive: too many bytes or too long a silence ends the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songbloom_x2.api.problems import Problem, response


class BodyLimit:
    """``most(path, content type)`` says how many bytes a body may have; ``silence`` how many seconds it may pause."""

    def __init__(self, app: ASGIApp, most: Callable[[str, str], int], silence: float = 30.0) -> None:
        self._app = app
        self._most = most
        self._silence = silence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._most(scope["path"], headers.get("content-type", ""))
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > most:
            await response(_too_large(most), scope)(scope, receive, send)
            return
        count, ended = 0, False

        async def counted() -> Message:
            nonlocal count, ended
            if ended:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._silence)
            except asyncio.TimeoutError:
                raise Problem("request-timeout", f"no byte of the body came for {self._silence:g} s") from None
            if message["type"] == "http.request":
                count += len(message.get("body", b""))
                ended = not message.get("more_body", False)
                if count > most:
                    raise _too_large(most)
            return message

        await self._app(scope, counted, send)


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"the body is larger than the {most} bytes that are allowed here")
