"""``/v1/jobs``: asking for songs, and watching how they get on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from songbloom_x2.api.dependencies import Maker, Reader, Service
from songbloom_x2.api.documented import Before, JobId, refusals
from songbloom_x2.api.job_bodies import REQUEST_BODY, read_job
from songbloom_x2.api.live_events import event_stream
from songbloom_x2.api.schemas.jobs import JobOut, JobPage
from songbloom_x2.api.threads import in_thread
from songbloom_x2.jobs.records import JobState

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_ID = {"parameters": {"job_id": "$response.body#/id"}}
_LINKS = {name: {"operationId": f"jobs_{name}", **_ID} for name in ("job", "cancel", "events")}
_PLACE = {"Location": {"description": "Where the job is", "schema": {"type": "string"}}}


@router.post(
    "",
    status_code=202,
    response_model=JobOut,
    responses={
        202: {"description": "The job is queued", "headers": _PLACE, "links": _LINKS},
        **refusals(
            "malformed",
            "not-found",
            "conflict",
            "unsupported-media-type",
            "invalid",
            "lyrics",
            "style",
            "queue-full",
            "quota",
        ),
    },
    openapi_extra=REQUEST_BODY,
)
async def submit(
    request: Request,
    response: Response,
    owner: Maker,
    service: Service,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Makes repeating the request safe"),
    ] = None,
) -> JobOut:
    """Ask for songs. The answer comes at once; the songs are made one job after the other.

    With an `Idempotency-Key` that was used before, the same request answers with the job that it made then.
    """
    asked = await read_job(request, service, owner)
    job = await in_thread(
        service.submit,
        asked.kind,
        asked.request,
        owner,
        samples=asked.samples,
        priority=asked.priority,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.of(job)


@router.get("", response_model=JobPage, responses=refusals("not-found", "invalid"))
def jobs(
    owner: Reader,
    service: Service,
    state: Annotated[JobState | None, Query(description="Only jobs in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Jobs of a page")] = 50,
    before: Before = None,
) -> JobPage:
    """The jobs of this key, the newest first."""
    found = service.jobs(owner, state=state, limit=limit + 1, before=before)
    shown = found[:limit]
    return JobPage(jobs=[JobOut.of(job) for job in shown], next=shown[-1].id if len(found) > limit else None)


@router.get("/{job_id}", response_model=JobOut, responses=refusals("not-found", "invalid"))
def job(job_id: JobId, owner: Reader, service: Service) -> JobOut:
    """How a job stands."""
    return JobOut.of(service.job(job_id, owner))


@router.delete("/{job_id}", response_model=JobOut, responses=refusals("not-found", "conflict", "invalid"))
def cancel(job_id: JobId, owner: Maker, service: Service) -> JobOut:
    """Cancel a job: a queued one is over at once, a running one within a block. Songs that are finished stay."""
    return JobOut.of(service.cancel(job_id, owner))


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `queued started progress song requeued succeeded failed cancelled`. "
            "The stream ends after the last event of the job.",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "id": {"type": "string", "description": "Counts from 1"},
                            "event": {"type": "string"},
                            "data": {"type": "string", "description": "A JSON object, with `job` and `time`"},
                            "retry": {"type": "integer"},
                        },
                    },
                    "example": 'id: 1\nevent: queued\ndata: {"job": "job-…", "time": 1795646817.3}\n\n',
                }
            },
        },
        204: {"description": "The job is over and the client knows all of it"},
        **refusals("not-found", "invalid"),
    },
)
async def events(
    job_id: JobId,
    request: Request,
    owner: Reader,
    service: Service,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9]{1,9}$", description="Go on after this event, as browsers do by themselves"),
    ] = None,
    after: Annotated[int, Query(ge=0, le=999_999_999, description="The same, where there is no such header")] = 0,
) -> Response:
    """What happens to a job, event by event, from the first one or from where the client left off."""
    job = await in_thread(service.job, job_id, owner)
    start = after if last_event_id is None else int(last_event_id)
    if job.over and not await in_thread(service.events, job_id, owner, start):
        # The standard's way to say that nothing will come any more: a browser does not connect again.
        return Response(status_code=204)
    stream = event_stream(service, job_id, owner, start, request.app.state.stopping)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
