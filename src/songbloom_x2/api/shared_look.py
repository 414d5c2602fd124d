"""One look at the database for all requests that ask the same at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio.to_thread

Result = TypeVar("Result")


class SharedLook(Generic[Result]):
    """``look(text)`` in a thread. Whoever asks while a look is under way shares the next one with all others who do.

    So every answer is of a look that began after the question: nothing that was true before is told as true now.
    """

    def __init__(self, look: Callable[[str], Result]) -> None:
        """Nothing is looked at yet."""
        self._look = look
        self._under_way: dict[str, asyncio.Task[Result]] = {}
        self._next: dict[str, asyncio.Task[Result]] = {}

    async def __call__(self, text: str) -> Result:
        """What the look gives, or what it raises."""
        task = self._next.get(text)
        if task is None:
            task = self._next[text] = asyncio.create_task(self._after(self._under_way.get(text), text))
            task.add_done_callback(_noticed)
        # Who leaves meanwhile does not take it away from the others.
        return await asyncio.shield(task)

    async def _after(self, before: asyncio.Task[Result] | None, text: str) -> Result:
        if before is not None:
            await asyncio.wait([before])
        mine = self._under_way[text] = self._next.pop(text)
        try:
            return await anyio.to_thread.run_sync(self._look, text)
        finally:
            if self._under_way.get(text) is mine:
                del self._under_way[text]


def _noticed(task: asyncio.Task[Result]) -> None:
    """Everybody may have left before it failed."""
    if not task.cancelled():
        task.exception()
