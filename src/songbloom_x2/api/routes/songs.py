"""``/v1/songs``: finished songs, and what can be shown of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from songbloom_x2.api.dependencies import Maker, Reader, Service
from songbloom_x2.api.documented import Before, SongId, binary, refusals
from songbloom_x2.api.file_response import file_response
from songbloom_x2.api.schemas.songs import Peaks, SongChange, SongOut, SongPage
from songbloom_x2.api.threads import in_thread

router = APIRouter(prefix="/v1/songs", tags=["songs"])


@router.get("", response_model=SongPage, responses=refusals("not-found", "invalid"))
def songs(
    owner: Reader,
    service: Service,
    search: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00]*$", description="Every word stands in title, lyrics or style"),
    ] = None,
    favourite: Annotated[bool | None, Query(description="Only favourites, or only others")] = None,
    deleted: Annotated[bool, Query(description="Only deleted ones, which can be brought back")] = False,
    limit: Annotated[int, Query(ge=1, le=200, description="Songs of a page")] = 50,
    before: Before = None,
) -> SongPage:
    """The songs of this key, the newest first."""
    found = service.songs(owner, search=search, favourite=favourite, deleted=deleted, limit=limit + 1, before=before)
    shown = found[:limit]
    return SongPage(songs=[SongOut.of(song) for song in shown], next=shown[-1].id if len(found) > limit else None)


@router.get("/{song_id}", response_model=SongOut, responses=refusals("not-found", "invalid"))
def song(song_id: SongId, owner: Reader, service: Service) -> SongOut:
    """What is known of a song."""
    return SongOut.of(service.song(song_id, owner))


@router.patch("/{song_id}", response_model=SongOut, responses=refusals("malformed", "not-found", "conflict", "invalid"))
def change(song_id: SongId, asked: SongChange, owner: Maker, service: Service) -> SongOut:
    """Rename a song, mark it as a favourite, delete it or bring a deleted one back."""
    if asked.deleted is False:
        service.undelete(song_id, owner)
    if asked.title is not None:
        service.rename(song_id, owner, asked.title)
    if asked.favourite is not None:
        service.favourite(song_id, owner, asked.favourite)
    if asked.deleted:
        return SongOut.of(service.delete(song_id, owner))
    return SongOut.of(service.song(song_id, owner))


@router.delete("/{song_id}", status_code=204, responses=refusals("not-found", "invalid"))
def delete(song_id: SongId, owner: Maker, service: Service) -> Response:
    """Put a song away. It can be brought back for `jobs.trash_days`; then its files go."""
    service.delete(song_id, owner)
    return Response(status_code=204)


@router.get(
    "/{song_id}/manifest",
    response_model=dict[str, Any],
    responses={
        200: {
            "description": "The manifest",
            "content": {"application/json": {"example": {"seed": 7, "model": {"name": "embedded"}}}},
        },
        **refusals("not-found", "invalid"),
    },
)
def manifest(song_id: SongId, owner: Reader, service: Service) -> dict[str, Any]:
    """Everything that is needed to make the song again: request, seed, model, plan, versions, timings."""
    return service.manifest(song_id, owner)


@router.get("/{song_id}/peaks", response_model=Peaks, responses=refusals("not-found", "invalid"))
def peaks(song_id: SongId, owner: Reader, service: Service) -> Peaks:
    """The song's outline, for a player to draw."""
    return Peaks.model_validate(service.peaks(song_id, owner))


@router.get(
    "/{song_id}/spectrogram.png",
    response_class=Response,
    responses={
        200: binary("The picture", "image/png"),
        304: {"description": "The client has it already (If-None-Match)"},
        **refusals("not-found", "range-not-satisfiable", "invalid"),
    },
)
async def spectrogram(song_id: SongId, request: Request, owner: Reader, service: Service) -> Response:
    """The song as a picture: time to the right, frequency upwards."""
    record = await in_thread(service.song, song_id, owner)
    path = await in_thread(service.spectrogram, song_id, owner)
    etag = f'"{record.sha256[:32]}-picture"'
    return await file_response(request, path, etag=etag, media_type="image/png", name=f"{song_id}.png")
