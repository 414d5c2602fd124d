"""``POST /v1/audio/speech``: a song in the form that speech services have, for programs written for those."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from songbloom_x2.api.dependencies import Maker, Service
from songbloom_x2.api.documented import binary, refusals
from songbloom_x2.api.live_events import waited
from songbloom_x2.api.live_sound import MEDIA_TYPES, LiveResponse, first_sound
from songbloom_x2.api.problems import Problem, without_paths
from songbloom_x2.api.schemas.speech import SpeechRequest
from songbloom_x2.api.threads import in_thread
from songbloom_x2.errors import ConflictError, NotFoundError
from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService
from songbloom_x2.jobs.streaming import EncodedAudio

router = APIRouter(prefix="/v1/audio", tags=["speech"])
_KINDS = tuple(dict.fromkeys(MEDIA_TYPES.values()))
_PRIORITY = 1
_IDS = {"X-Job-ID": "The job behind it", "X-Song-ID": "The song, which is kept like any other"}


@router.post(
    "/speech",
    response_class=Response,
    responses={
        200: binary("The sound while it is made", *_KINDS, headers=_IDS),
        **refusals("malformed", "not-found", "conflict", "invalid", "lyrics", "style", "queue-full", "quota"),
    },
)
async def speech(asked: SpeechRequest, request: Request, owner: Maker, service: Service) -> LiveResponse:
    """Make one song and send its sound while it is made: `input` is the lyrics, `voice` the style.

    The song is a job like any other. Where the client leaves before the end, the job is cancelled.
    """
    # Somebody waits for the sound: before what nobody listens to, where the owner may ask for that.
    priority = min(_PRIORITY, max(owner.priority, 0))
    job = await in_thread(service.submit, "generate", asked.as_request(), owner, priority=priority)
    stopping = request.app.state.stopping

    async def wait() -> bool:
        return await waited(stopping, 0.1) or await request.is_disconnected()

    try:
        sound = EncodedAudio(await in_thread(service.live_audio, job.id, owner), asked.response_format)
        head = await first_sound(sound, wait)
        if head is None:
            sound.close()
            gone = not stopping.is_set() and await request.is_disconnected()
            raise _left() if gone else await in_thread(_why_silent, service, job.id, owner)
    except BaseException:
        await in_thread(_cancel, service, job.id, owner)
        raise

    async def at_end(whole: bool) -> None:
        if not whole:
            await in_thread(_cancel, service, job.id, owner)

    headers = {"X-Job-ID": job.id, "X-Song-ID": job.song_ids[0]}
    kind = MEDIA_TYPES[asked.response_format]
    return LiveResponse(sound, stopping, kind, head=head, headers=headers, at_end=at_end)


def _left() -> Problem:
    """For the log: nobody is there to read it, and nothing is wrong with the server."""
    return Problem("conflict", "the client left before anything was made")


def _why_silent(service: JobService, job: str, owner: Owner) -> Problem:
    found = service.job(job, owner)
    if found.state == "failed":
        why = without_paths(found.error or "the song could not be made")
        return Problem("conflict", why, more={"job": job})
    if found.over:
        return Problem("conflict", "the job was cancelled before anything was made", more={"job": job})
    return Problem("unavailable", "the server stops", retry_after=5)


def _cancel(service: JobService, job: str, owner: Owner) -> None:
    try:
        service.cancel(job, owner)
    except (ConflictError, NotFoundError):
        return
