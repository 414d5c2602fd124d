"""Of Gradio's many routes only those that the page needs: no uploads, no files, no queue, no sessions of its own."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_FILES = ("/assets/", "/static/js/")
_PAGES = frozenset({("GET", "/"), ("HEAD", "/"), ("GET", "/theme.css"), ("GET", "/manifest.json")})
_QUESTIONS = frozenset({("POST", "/gradio_api/component_server"), ("POST", "/gradio_api/component_server/")})


class OnlyNeeded:
    """Lets those through; everything else is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan" or _needed(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("There is no such page here.", 404)(scope, receive, send)


def _needed(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    method, path = scope["method"], scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    if method in ("GET", "HEAD") and path.startswith(_FILES) and ".." not in path:
        return True
    return (method, path) in _PAGES | _QUESTIONS
