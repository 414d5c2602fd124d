"""Headers that keep browsers careful, and the refusal of what a foreign page sends to a server on this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songbloom_x2.api.problems import Problem, response

_EVERYWHERE = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), payment=()"),
)
_API = (("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), ("Cache-Control", "no-store"))
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class SecurityHeaders:
    """Adds the headers where an answer does not set them itself; the API's answers are no pages and load nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = (*_EVERYWHERE, *_API) if scope["path"].startswith("/v1/") else _EVERYWHERE

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, careful)


class Origins:
    """A browser sends what any page asks it to. Changes from pages of other origins are refused, and on a server that
    only this machine may reach, so is every host name that is not this machine's (a name that was rebound to it)."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...], *, local_only: bool) -> None:
        self._app = app
        self._allowed = allowed
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        problem = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if problem is not None and scope["type"] == "http":
            await response(problem, scope)(scope, receive, send)
        elif problem is not None:
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._local_only and _name(host) not in _LOCAL:
            return Problem("forbidden", "this server answers to the names of this machine only, such as 127.0.0.1")
        origin = headers.get("origin")
        if origin is None or scope.get("method") in _READING or "*" in self._allowed or origin in self._allowed:
            return None
        if _netloc(origin) == host.lower() and host:
            return None
        return Problem("forbidden", "pages of another origin may not do this; --cors-origin allows one")


def _netloc(origin: str) -> str:
    """Host and port of an origin, empty where it has none (``null``)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name(host: str) -> str:
    """The host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
