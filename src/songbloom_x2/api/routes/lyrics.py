"""``/v1/lyrics/check``: what would be sung, before anything is made."""

from __future__ import annotations

from fastapi import APIRouter

from songbloom_x2.api.dependencies import Reader, Service
from songbloom_x2.api.documented import refusals
from songbloom_x2.api.schemas.lyrics import LyricsCheck, LyricsOut

router = APIRouter(prefix="/v1/lyrics", tags=["lyrics"])


@router.post("/check", response_model=LyricsOut, responses=refusals("malformed", "not-found", "invalid", "lyrics"))
def check(asked: LyricsCheck, owner: Reader, service: Service) -> LyricsOut:
    """Read lyrics as the model would: their canonical form, findings with line and column, and how long they take."""
    report = service.check_lyrics(asked.lyrics, asked.model, asked.duration, instrumental=asked.instrumental)
    return LyricsOut.of(report.prepared)
