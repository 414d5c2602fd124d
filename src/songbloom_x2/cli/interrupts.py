"""Ctrl-C and SIGTERM: both raise ``KeyboardInterrupt``, so that every ``finally`` on the way out runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def raise_on_signals() -> None:
    """Install the handlers, also where the shell started us with SIGINT ignored (a background job)."""
    for number in _STOPPING:
        signal.signal(number, _stop)


@contextmanager
def held_back() -> Iterator[None]:
    """Inside, a signal waits: files that belong together are put in place together. It is raised at the end."""
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
