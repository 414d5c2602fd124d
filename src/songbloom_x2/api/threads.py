"""The service is synchronous: its methods are called in threads, so that the event loop never waits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def in_thread(function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Call ``function`` in a thread of the pool."""
    return await anyio.to_thread.run_sync(partial(function, *args, **kwargs))
