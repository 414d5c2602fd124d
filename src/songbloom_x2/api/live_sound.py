"""Sound while it is made, as the body of an answer: sent as it comes, ended with the song or with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from songbloom_x2.api.live_events import waited
from songbloom_x2.api.threads import in_thread
from songbloom_x2.jobs.streaming import EncodedAudio

MEDIA_TYPES = MappingProxyType(
    {"flac": "audio/flac", "wav": "audio/wav", "mp3": "audio/mpeg", "opus": "audio/ogg", "pcm": "audio/pcm"}
)
_POLL = 0.1


class LiveResponse(StreamingResponse):
    """Streams ``head``, then ``sound``; ``at_end`` runs however it ends, told whether all of it was sent."""

    def __init__(
        self,
        sound: EncodedAudio,
        stopping: asyncio.Event,
        media_type: str,
        *,
        head: bytes = b"",
        headers: Mapping[str, str] | None = None,
        at_end: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        sent = {"Cache-Control": "no-store", "Accept-Ranges": "none", "X-Accel-Buffering": "no", **(headers or {})}
        super().__init__(self._sound(head, sound, stopping), headers=sent, media_type=media_type)
        self._source = sound
        self._at_end = at_end
        self._whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._source.close()
            if self._at_end is not None:
                await self._at_end(self._whole)

    async def _sound(self, head: bytes, sound: EncodedAudio, stopping: asyncio.Event) -> AsyncIterator[bytes]:
        if head:
            yield head
        while (data := await in_thread(sound.chunk)) is not None:
            if data:
                yield data
            elif await waited(stopping, _POLL):
                return
        self._whole = True


async def first_sound(sound: EncodedAudio, wait: Callable[[], Awaitable[bool]]) -> bytes | None:
    """What comes up to and with the first sound; none where the song ends without any, or where ``wait`` says so.

    ``wait`` pauses a moment and tells whether to give up.
    """
    parts = []
    while not sound.heard:
        data = await in_thread(sound.chunk)
        if data is None or (not data and await wait()):
            return None
        parts.append(data)
    return b"".join(parts)
