"""What routes are handed: the service, who asks, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from songbloom_x2.api.problems import Problem
from songbloom_x2.jobs.keys import ApiKey, Scope
from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService

_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, made by songbloom keys create")
_Declared = Annotated[object, Security(_bearer)]
"""For the OpenAPI document; ``middleware.authentication`` has done the work already."""


# Coroutines, though they wait for nothing: plain functions would each be sent through a thread.
async def _service(request: Request) -> JobService:
    return cast(JobService, request.app.state.service)


def _needs(scope: Scope) -> Callable[[Request, object], Awaitable[Owner]]:
    """A dependency: the owner, if the key has this scope. Raises ``Problem`` 403."""

    async def allowed(request: Request, _: _Declared) -> Owner:
        state = request.scope["state"]
        key = cast("ApiKey | None", state["key"])
        if key is not None and not key.may(scope):
            raise Problem("forbidden", f"this key may not do that: it needs the scope '{scope}'")
        return cast(Owner, state["owner"])

    return allowed


Service = Annotated[JobService, Depends(_service)]
Reader = Annotated[Owner, Depends(_needs("read"))]
"""May look and listen."""
Maker = Annotated[Owner, Depends(_needs("make"))]
"""May have songs made, and change or delete its own."""
ModelKeeper = Annotated[Owner, Depends(_needs("models"))]
"""May load and unload models."""
Watcher = Annotated[Owner, Depends(_needs("metrics"))]
"""May read the metrics."""
