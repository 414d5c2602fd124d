"""Who asks: checked before a byte of the body is read.

An API key comes as ``Authorization: Bearer KEY`` or, for the pages and players of a browser, as the password of
``Basic``. On a server that has no keys everybody who can reach it owns everything.
"""

from __future__ import annotations

import base64
import binascii
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from songbloom_x2.api.problems import Problem, response
from songbloom_x2.api.shared_look import SharedLook
from songbloom_x2.errors import SongBloomError
from songbloom_x2.jobs.keys import ApiKey
from songbloom_x2.jobs.records import LOCAL

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What needs no key: it says nothing about anybody."""


class Keys(Protocol):
    """What the check needs of a store of keys."""

    def needed(self) -> bool:
        """Whether the server asks for keys at all."""

    def check(self, text: str) -> ApiKey | None:
        """The key behind a text."""


class Authentication:
    """Sets ``scope["state"]``: ``owner`` (``jobs.records.Owner``), ``key`` (none on a server without keys)."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._looked = SharedLook(self._look)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        given = _given(Headers(scope=scope).get("authorization", ""))
        try:
            needed, key = await self._looked(given)
        except SongBloomError as error:
            problem = Problem("unavailable", str(error), retry_after=5)
            await self._refuse(problem, scope, receive, send)
            return
        if needed and key is None:
            told = "this key is not known here" if given else "send an API key: Authorization: Bearer KEY"
            # A browser that opens the page asks its user; a program is not asked to fall back to passwords.
            challenge = 'Bearer realm="songbloom"'
            if not scope["path"].startswith("/v1/"):
                challenge = 'Basic realm="songbloom: any name, the API key as the password"'
            await self._refuse(Problem("no-key", told, headers={"WWW-Authenticate": challenge}), scope, receive, send)
            return
        owner = LOCAL if key is None else key.as_owner()
        scope.setdefault("state", {}).update(owner=owner, owner_id=owner.id, key=key)
        await self._app(scope, receive, send)

    def _look(self, given: str) -> tuple[bool, ApiKey | None]:
        if not self._keys.needed():
            return False, None
        return True, self._keys.check(given) if given else None

    @staticmethod
    async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await response(problem, scope)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})


def _given(header: str) -> str:
    """The key of an ``Authorization`` header, empty where it holds none."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
    return ""
