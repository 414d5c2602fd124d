"""Sound while it is being made: a file that a worker appends to and the web process reads.

Sixteen bytes: ``SBLIVE1`` and a line feed, the sample rate (uint32), the channels (uint16), two zero bytes; then frames
of interleaved 16-bit samples. All little-endian. The file is made anew at each attempt; the sound is the same at each.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from songbloom_x2.types import FloatArray

MAGIC = b"SBLIVE1\n"
HEADER = struct.Struct("<8sIHH")


def pcm16(samples: FloatArray) -> bytes:
    """``[C, n]`` float32 as interleaved 16-bit samples, limited to full scale."""
    scaled = np.clip(np.nan_to_num(samples), -1, 1) * 32767
    interleaved: bytes = np.round(scaled).astype("<i2").T.tobytes()
    return interleaved


class LiveWriter:
    """Appends to one song's file."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        """Makes the file anew: who reads an older one keeps that, and looks here when it ends."""
        path.unlink(missing_ok=True)
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._file.write(HEADER.pack(MAGIC, sample_rate, channels, 0))

    def append(self, samples: FloatArray) -> None:
        """The next sound ``[C, n]``."""
        if samples.shape[1]:
            self._file.write(pcm16(samples))

    def close(self) -> None:
        """No more will come."""
        self._file.close()


class LiveReader:
    """Reads one song's file as it grows, over the borders of attempts."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        """``offset``: bytes of sound that are passed over."""
        self._path = path
        self.offset = offset
        """Bytes of sound up to here are read."""
        self._file: BinaryIO | None = None
        self.sample_rate = 0
        """Known once there was something to read."""
        self.channels = 0

    def read(self, most: int = 1 << 16) -> bytes:
        """What has come since, at most so many bytes; empty where nothing has yet. Raises ``OSError``."""
        data = self._read(most)
        if not data and self._replaced():
            self.close()
            data = self._read(most)
        return data

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, most: int) -> bytes:
        if self._file is None and not self._open():
            return b""
        assert self._file is not None
        self._file.seek(HEADER.size + self.offset)
        data = self._file.read(most)
        self.offset += len(data)
        return data

    def _open(self) -> bool:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        head = file.read(HEADER.size)
        if len(head) < HEADER.size:
            file.close()
            return False
        _, self.sample_rate, self.channels, _ = HEADER.unpack(head)
        self._file = file
        return True

    def _replaced(self) -> bool:
        if self._file is None:
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(self._file.fileno())
        return (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev)
