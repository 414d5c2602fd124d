"""``/v1/lyrics/check``: what would be sung, before anything is made."""

from __future__ import annotations

from fastapi import APIRouter

from songbloom_x2.api.dependencies import Reader, Service
from songbloom_x2.api.documented import refusals
from songbloom_x2.api.schemas.lyrics import LyricsCheck, LyricsOut
from songbloom_x2.errors import LyricsError

router = APIRouter(prefix="/v1/lyrics", tags=["lyrics"])


@router.post("/check", response_model=LyricsOut, responses=refusals("malformed", "not-found", "conflict", "invalid"))
def check(asked: LyricsCheck, owner: Reader, service: Service) -> LyricsOut:
    """Read lyrics as the model would: their canonical form, findings with line and column, and how long they take.

    Where a finding is an error, a job with these lyrics would fail.
    """
    try:
        report = service.check_lyrics(asked.lyrics, asked.model, asked.duration, instrumental=asked.instrumental)
    except LyricsError as error:
        return LyricsOut.refused(str(error))
    return LyricsOut.of(report.prepared)
