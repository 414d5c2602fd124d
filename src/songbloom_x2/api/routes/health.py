"""``/healthz``, ``/readyz``, ``/metrics``: what watches over the server reads."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from songbloom_x2.api.dependencies import Service, Watcher
from songbloom_x2.api.documented import refusals
from songbloom_x2.api.problems import without_paths
from songbloom_x2.api.schemas.base import Told

router = APIRouter(tags=["health"])


class Alive(Told):
    """The server answers."""

    status: str = Field(examples=["ok"])


class Readiness(Told):
    """Whether songs can be made."""

    ready: bool
    problems: list[str] = Field(description="What is missing, one line each", examples=[[]])
    queued: int = Field(description="Jobs that wait", examples=[0])
    running: int = Field(description="Jobs that are made", examples=[1])


@router.get("/healthz", response_model=Alive)
async def healthz() -> Alive:
    """The server is alive. Looks at nothing, and is never delayed by songs that are made."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"description": "Songs cannot be made at the moment", "model": Readiness}},
)
def readyz(service: Service, response: Response) -> Readiness:
    """Whether songs can be made: database, data folder and workers."""
    health = service.health()
    if not health.ready:
        response.status_code = 503
    problems = [without_paths(line) for line in health.problems]
    return Readiness(ready=health.ready, problems=problems, queued=health.queued, running=health.running)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text form",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "songbloom_ready 1.0\n"}},
        },
        **refusals(),
    },
)
def metrics(request: Request, owner: Watcher) -> Response:
    """Numbers for Prometheus: requests, jobs, workers. A key needs the scope `metrics`."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
