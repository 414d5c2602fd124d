"""Running the application with uvicorn until a signal comes, and ending in bounded time."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from songbloom_x2.api.app import create_app
from songbloom_x2.config import ServerConfig
from songbloom_x2.jobs.service import JobService

_FIRST_REQUEST_SECONDS = 20.0
"""How long a new connection may take to send the head of a request."""

_SWITCH_SECONDS = 0.001

_log = logging.getLogger(__name__)


def serve(
    service: JobService,
    settings: ServerConfig,
    listener: socket.socket,
    page: Callable[[FastAPI, JobService], object] | None,
) -> None:
    """Answer requests for a service that was started until SIGINT or SIGTERM; ``page`` puts the web page on it."""
    app = create_app(service, settings)
    if page is not None:
        page(app, service)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
    )
    # The event loop shares the interpreter with the threads that ask the database: it shall not wait 5 ms for its turn.
    sys.setswitchinterval(_SWITCH_SECONDS)
    host, port = listener.getsockname()[:2]
    _log.info("serving at http://%s:%d/", f"[{host}]" if ":" in host else host, port)
    _Server(config, app.state.stopping).run([listener])


class _Server(uvicorn.Server):
    """Uvicorn that tells the application when it stops, so that streams end instead of being waited for."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: stop; a second Ctrl-C does not wait. It is not raised again: stopping is what was asked for."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and events, then connections."""
        self._stopping.set()
        await super().shutdown(sockets)


class _Protocol(H11Protocol):
    """A connection on which no request ever comes is closed: it would hold a file descriptor for nothing."""

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(_FIRST_REQUEST_SECONDS, self._close_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop it."""
        self._clock.cancel()
        super().connection_lost(exc)

    def _close_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
