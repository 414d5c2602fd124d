"""A song's sound for who listens: from the growing file while it is made, from its FLAC once it is finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import soundfile

from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.live import LiveReader

_LOOK_SECONDS = 0.25
_PAUSE_SECONDS = 0.05
_FRAMES = 1 << 14


class LiveAudio:
    """Interleaved 16-bit little-endian samples (WAV without its header) at ``sample_rate``, ``channels`` of them.

    ``chunk`` never waits: bytes, empty where nothing has come yet, none at the end. Iterating waits. Close it.
    What is heard while a song is made is at the model's own level; the finished file is at the output's loudness.
    """

    def __init__(
        self,
        live: Path,
        sample_rate: int,
        channels: int,
        start: int,
        *,
        finished: Callable[[], Path | None],
        over: Callable[[], bool],
    ) -> None:
        """``finished`` gives the song's FLAC once there is one; ``over`` says whether the job is in a final state."""
        self.sample_rate = sample_rate
        self.channels = channels
        self._start = start - start % (2 * channels)
        self._finished = finished
        self._over = over
        self._reader = LiveReader(live, self._start)
        self._stored: Iterator[bytes] | None = None
        self._heard = False
        self._looked = 0.0
        self._last_round = False

    def chunk(self) -> bytes | None:
        """The next sound; see the class. Raises ``StorageError``."""
        try:
            if self._stored is not None:
                return next(self._stored, None)
            data = self._reader.read()
        except (OSError, soundfile.SoundFileError) as error:
            raise StorageError(f"the sound cannot be read at the moment: {error}") from error
        if data:
            self._heard, self._last_round = True, False
            return data
        if self._last_round:
            return self._rest()
        self._look()
        return b""

    def close(self) -> None:
        """Let go of the files."""
        self._reader.close()
        self._stored = iter(())

    def __iter__(self) -> Iterator[bytes]:
        """Every chunk, waiting for each; the thread is blocked meanwhile."""
        try:
            while (data := self.chunk()) is not None:
                if data:
                    yield data
                else:
                    time.sleep(_PAUSE_SECONDS)
        finally:
            self.close()

    def _rest(self) -> bytes | None:
        """The growing file is read to its end. Who listened late, over a fault, takes what is missing from the FLAC."""
        at = self._reader.offset
        self.close()
        if (file := self._finished()) is not None:
            self._stored = _decoded(file, at // (2 * self.channels))
        return next(self._stored or iter(()), None)

    def _look(self) -> None:
        """Nothing came: is the song finished, or the job over?"""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if (file := self._finished()) is not None:
            if self._heard:
                # Everything was written before it was finished: what is not there now will not come.
                self._last_round = True
            else:
                self._stored = _decoded(file, self._start // (2 * self.channels))
        elif self._over():
            self._last_round = True


def _decoded(file: Path, first: int) -> Iterator[bytes]:
    with soundfile.SoundFile(file) as sound:
        sound.seek(min(first, sound.frames))
        while len(block := sound.read(_FRAMES, dtype="int16", always_2d=True)):
            yield block.astype("<i2").tobytes()
