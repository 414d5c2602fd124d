"""``/openapi.json``: the document of this very server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

router = APIRouter(tags=["document"], include_in_schema=False)


@router.get("/openapi.json")
async def document(request: Request) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = request.app.openapi()
    return found
