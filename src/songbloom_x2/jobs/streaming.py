"""A song's sound as an encoded stream for who listens while it is made: WAV, FLAC, MP3, Opus or bare samples."""

from __future__ import annotations

from songbloom_x2.audio.streamed import STREAM_FORMATS, StreamEncoder, StreamFormat
from songbloom_x2.jobs.listening import LiveAudio

__all__ = ["STREAM_FORMATS", "EncodedAudio", "StreamFormat"]


class EncodedAudio:
    """The bytes of a stream as they come. Close it."""

    def __init__(self, live: LiveAudio, format: StreamFormat) -> None:
        """Raises ``AudioError`` where the format cannot be written here."""
        self._live = live
        self._encoder: StreamEncoder | None = StreamEncoder(format, live.sample_rate, live.channels)
        self._frame = 2 * live.channels
        self._rest = b""
        self.heard = False
        """Whether any sound has come yet, beyond the head of the stream."""

    def chunk(self) -> bytes | None:
        """Never waits: bytes, empty where nothing has come yet, none at the end. Raises ``StorageError``."""
        if self._encoder is None:
            return None
        pcm = self._live.chunk()
        if pcm is None:
            encoder, self._encoder = self._encoder, None
            return encoder.finish()
        self.heard = self.heard or bool(pcm)
        # A file that grows may end within a frame.
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % self._frame
        self._rest = pcm[whole:]
        return self._encoder.add(pcm[:whole])

    def close(self) -> None:
        """Let go of the files."""
        self._encoder = None
        self._live.close()
