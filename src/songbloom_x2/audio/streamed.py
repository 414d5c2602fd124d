"""Sound encoded while it is still being made: bytes go out in order and are never changed afterwards.

What a file's header would say of the length is left open, as players of streams expect: WAV with the largest sizes,
FLAC without a count of samples, MP3 with an empty first frame.
"""

from __future__ import annotations

import io
import struct
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import soundfile
import soxr

from songbloom_x2.errors import AudioError

StreamFormat = Literal["wav", "flac", "mp3", "opus", "pcm"]
STREAM_FORMATS: tuple[StreamFormat, ...] = get_args(StreamFormat)
"""``pcm``: 16 bits, one channel, 24 kHz, without any header, as speech services send it."""

_PCM_RATE = 24_000
_OPEN = 0xFFFFFFFF
_ENCODERS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "flac": {"format": "FLAC", "subtype": "PCM_16"},
        "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.3},
        "opus": {"format": "OGG", "subtype": "OPUS", "compression_level": 0.65},
    }
)
_BLOCK = 1 << 15
"""Frames a call: libsndfile's Ogg encoder keeps a whole call on its stack."""


class StreamEncoder:
    """Interleaved 16-bit samples in, bytes of a stream out, piece by piece."""

    def __init__(self, format: StreamFormat, sample_rate: int, channels: int) -> None:
        """Raises ``AudioError`` where this machine's libsndfile cannot write the format."""
        self._channels = channels
        self._head = _wav_header(sample_rate, channels) if format == "wav" else b""
        self._resampler = None
        self._file: soundfile.SoundFile | None = None
        self._out = _Outgoing()
        if format == "pcm":
            self._resampler = soxr.ResampleStream(sample_rate, _PCM_RATE, 1, dtype="float32")
        elif format != "wav":
            try:
                self._file = soundfile.SoundFile(self._out, "w", sample_rate, channels, **_ENCODERS[format])
            except (soundfile.SoundFileError, TypeError, ValueError) as error:
                raise AudioError(f"{format} cannot be written here ({error}); choose wav") from error

    def add(self, pcm: bytes) -> bytes:
        """What can go out after these whole frames; often a little less than they are."""
        return self._encoded(pcm, last=False)

    def finish(self) -> bytes:
        """What is left at the end."""
        rest = self._encoded(b"", last=True)
        if self._file is not None:
            self._file.close()
            rest += self._out.taken()
        return rest

    def _encoded(self, pcm: bytes, *, last: bool) -> bytes:
        head, self._head = self._head, b""
        samples = np.frombuffer(pcm, "<i2").reshape(-1, self._channels)
        if self._resampler is not None:
            mono = samples.mean(axis=1, dtype=np.float32) / 32768
            sound = np.asarray(self._resampler.resample_chunk(mono, last=last), np.float32)
            return bytes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())
        if self._file is None:
            return head + pcm
        for start in range(0, len(samples), _BLOCK):
            self._file.write(samples[start : start + _BLOCK])
        return self._out.taken()


class _Outgoing(io.RawIOBase):
    """A file for libsndfile that only grows: what it goes back for (lengths in headers) is left as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._place = self._end = 0
        self._parts: list[bytes] = []

    def taken(self) -> bytes:
        """What has come since, which is then forgotten."""
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._end)[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        return b""

    def write(self, data: Any) -> int:
        piece = bytes(data)
        if self._place == self._end:
            self._parts.append(piece)
            self._end += len(piece)
        self._place += len(piece)
        return len(piece)


def _wav_header(sample_rate: int, channels: int) -> bytes:
    format = struct.pack("<HHIIHH", 1, channels, sample_rate, sample_rate * channels * 2, channels * 2, 16)
    return b"".join(
        (
            b"RIFF",
            struct.pack("<I", _OPEN),
            b"WAVEfmt ",
            struct.pack("<I", 16),
            format,
            b"data",
            struct.pack("<I", _OPEN),
        )
    )
