"""The application: routes, middleware, problem details and OpenAPI around one ``JobService``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from songbloom_x2 import __version__
from songbloom_x2.api import handlers
from songbloom_x2.api.elsewhere import Elsewhere
from songbloom_x2.api.metrics import Measured, Metrics
from songbloom_x2.api.middleware.authentication import Authentication
from songbloom_x2.api.middleware.body_limit import BodyLimit
from songbloom_x2.api.middleware.boundary import Boundary
from songbloom_x2.api.middleware.rate_limit import Buckets, RateLimit
from songbloom_x2.api.middleware.request_ids import RequestIds
from songbloom_x2.api.middleware.security import Origins, SecurityHeaders
from songbloom_x2.api.openapi import DESCRIPTION, document
from songbloom_x2.api.reach import is_local
from songbloom_x2.api.routes import document as document_route
from songbloom_x2.api.routes import health, jobs, lyrics, models, songs, sound, speech, styles
from songbloom_x2.config import JobLimits, ServerConfig
from songbloom_x2.jobs.service import JobService

_ROUTES = (jobs, songs, sound, styles, lyrics, models, speech, health, document_route)
_LARGEST_JSON = 1 << 20
_AROUND_FILES = 1 << 18
"""Bytes of a form besides its file."""
_EXPOSED = ("Location", "ETag", "Retry-After", "X-Request-ID", "X-Job-ID", "X-Song-ID", "Content-Range")


def create_app(service: JobService, settings: ServerConfig) -> FastAPI:
    """The application for a service that was started; it neither starts nor stops it.

    Whoever runs the application sets ``app.state.stopping`` when streams and events shall end.
    """
    metrics = Metrics(service.health)
    app = FastAPI(
        title="SongBloom",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: f"{route.tags[0]}_{route.name}",
        middleware=_middleware(service, settings, metrics),
    )
    app.state.service = service
    app.state.metrics = metrics
    app.state.stopping = asyncio.Event()
    handlers.install(app)
    for module in _ROUTES:
        app.include_router(module.router)
    app.mount("/v1", Elsewhere([route for module in _ROUTES for route in module.router.routes]))
    document(app, service.limits, service.models()[0], keyed=service.keys.needed())
    return app


def _middleware(service: JobService, settings: ServerConfig, metrics: Metrics) -> list[Middleware]:
    """Outermost first."""
    origins = tuple(settings.cors_origins.split()) if settings.cors_origins else ()
    # With keys, a name that was rebound to this machine opens nothing: the page behind it has none.
    local_only = is_local(settings.host) and not settings.insecure and not service.keys.needed()
    wrapped = [
        Middleware(RequestIds),
        Middleware(Measured, metrics=metrics),
        Middleware(SecurityHeaders),
        Middleware(Boundary),
        Middleware(Origins, allowed=origins, local_only=local_only),
    ]
    if origins:
        wrapped.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=("GET", "HEAD", "POST", "PATCH", "DELETE"),
                allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Range"),
                expose_headers=_EXPOSED,
            )
        )
    if settings.requests_per_minute is not None:
        wrapped.append(Middleware(RateLimit, buckets=Buckets(settings.requests_per_minute)))
    wrapped.append(Middleware(Authentication, keys=service.keys))
    wrapped.append(Middleware(BodyLimit, most=_largest_body(service.limits)))
    return wrapped


def _largest_body(limits: JobLimits) -> Callable[[str, str], int]:
    """How many bytes a request may have, by its path and content type."""

    def most(path: str, content_type: str) -> int:
        if not path.startswith("/v1/") or content_type.lower().startswith("multipart/form-data"):
            return limits.max_upload_bytes + _AROUND_FILES
        return _LARGEST_JSON

    return most
