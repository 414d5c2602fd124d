"""``/v1/songs/{id}/audio`` and ``/stream``: a song's sound once it is finished, and while it is made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from songbloom_x2.api.dependencies import Reader, Service
from songbloom_x2.api.documented import Responses, SongId, binary, refusals
from songbloom_x2.api.file_response import file_response
from songbloom_x2.api.live_sound import MEDIA_TYPES, LiveResponse
from songbloom_x2.api.threads import in_thread
from songbloom_x2.config import AudioFormatName
from songbloom_x2.jobs.streaming import EncodedAudio

router = APIRouter(prefix="/v1/songs/{song_id}", tags=["songs"])
_KINDS = tuple(dict.fromkeys(MEDIA_TYPES[name] for name in ("flac", "wav", "mp3", "opus")))
_HEADERS = {"ETag": "Changes with the sound", "Accept-Ranges": "bytes: a stretch can be asked for with Range"}
_LIVE: Responses = {200: binary("The sound as far as it is made, then the rest as it comes", *_KINDS)}
Format = Annotated[AudioFormatName, Query(description="Other formats are made from the FLAC when first asked for")]


@router.get(
    "/audio",
    response_class=Response,
    responses={
        200: binary("The whole sound", *_KINDS, headers=_HEADERS),
        206: binary("A stretch of it", *_KINDS, headers={**_HEADERS, "Content-Range": "Which stretch"}),
        304: {"description": "The client has it already (If-None-Match)"},
        **refusals("not-found", "range-not-satisfiable", "invalid"),
    },
)
@router.head("/audio", include_in_schema=False)
async def audio(
    song_id: SongId, request: Request, owner: Reader, service: Service, format: Format = "flac"
) -> Response:
    """A finished song as a file. Understands `Range`, `If-Range` and `If-None-Match`."""
    record = await in_thread(service.song, song_id, owner)
    path = await in_thread(service.song_file, song_id, owner, format)
    etag = f'"{record.sha256[:32]}-{format}"'
    return await file_response(request, path, etag=etag, media_type=MEDIA_TYPES[format], name=f"{song_id}.{format}")


@router.get("/stream", response_class=Response, responses={**_LIVE, **refusals("not-found", "invalid")})
@router.head("/stream", include_in_schema=False)
async def stream(
    song_id: SongId, request: Request, owner: Reader, service: Service, format: Format = "wav"
) -> Response:
    """A song's sound while it is made: begins at once, waits for each block, ends with the song.

    For a browser's `<audio>`, `ffplay` and the like. Its length is open. Where the job waits, so does the stream.
    Its level is the model's own; the finished file is brought to the server's loudness.
    """
    live = await in_thread(service.live_audio, song_id, owner)
    if request.method == "HEAD":
        live.close()
        return Response(media_type=MEDIA_TYPES[format], headers={"Accept-Ranges": "none"})
    return LiveResponse(EncodedAudio(live, format), request.app.state.stopping, MEDIA_TYPES[format])
