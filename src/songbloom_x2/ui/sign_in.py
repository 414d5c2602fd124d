"""The way into the page by an API key: a form, and a cookie that stands for the ``Authorization`` header.

Players and pictures of a browser cannot send that header themselves. The cookie holds the key, is out of reach of
scripts (``HttpOnly``) and is never sent by pages of other sites (``SameSite=Strict``). Who may do what is not decided
here: the key is handed on, and the server's own check answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songbloom_x2.ui.languages import language_names, texts

COOKIE = "songbloom_key"
_LONGEST_FORM = 2000
_MONTH = 30 * 24 * 3600


class SignIn:
    """Turns the cookie into the header, and a refused page into the form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(_with_header(scope) if scope["type"] == "websocket" else scope, receive, send)
            return
        if scope["method"] == "POST" and scope["path"] == "/studio/login":
            await (await _signed_in(Request(scope, receive)))(scope, receive, send)
            return
        if scope["method"] == "POST" and scope["path"] == "/studio/logout":
            gone = Response(status_code=204)
            gone.delete_cookie(COOKIE, httponly=True, samesite="strict")
            await gone(scope, receive, send)
            return
        page = scope["method"] == "GET" and scope["path"] == "/"
        await self._app(_with_header(scope), receive, _FormInstead(scope, receive, send) if page else send)


class _FormInstead:
    """A ``send`` that answers a refused page with the form."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 401:
            self._refused = True
            headers = Headers(scope=self._scope)
            form = HTMLResponse(_form(headers, wrong=bool(_key(headers))), 401, {"Cache-Control": "no-store"})
            await form(self._scope, self._receive, self._send)
        elif not self._refused:
            await self._send(message)


def _with_header(scope: Scope) -> Scope:
    headers = Headers(scope=scope)
    key = _key(headers)
    if not key or "authorization" in headers:
        return scope
    return {**scope, "headers": [*scope["headers"], (b"authorization", b"Bearer " + key.encode("latin-1"))]}


def _key(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found and found.value.isascii() and found.value.isprintable() else ""


async def _signed_in(request: Request) -> Response:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return Response(status_code=413)
    key = parse_qs(body.decode("latin-1")).get("key", [""])[0].strip()
    answer = RedirectResponse("/", 303)
    if key.isascii() and key.isprintable() and ";" not in key:
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, key, max_age=_MONTH, httponly=True, samesite="strict", secure=secure)
    return answer


def _form(headers: Mapping[str, str], *, wrong: bool) -> str:
    wished = headers.get("accept-language", "")[:2].lower()
    told = texts(wished if wished in language_names() else "en")
    page = Template((Path(__file__).parent / "static" / "login.html").read_text(encoding="utf-8"))
    return page.substitute(
        language=told["language.tag"],
        name=f"{told['app.name']} {told['app.edition']}",
        title=told["login.title"],
        note=told["login.note"],
        label=told["login.key"],
        button=told["login.in"],
        wrong=told["login.wrong"] if wrong else "",
        hidden="" if wrong else "hidden",
    )
