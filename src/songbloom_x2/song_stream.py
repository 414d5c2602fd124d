"""A song while it is being made: pieces of sound, then the song itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from songbloom_x2.errors import SongBloomError
from songbloom_x2.types import FloatArray, Progress, Song


class SongStream(Iterator[tuple[Progress, FloatArray]]):
    """Iterate it for progress and what sound became certain; then ``song`` is the whole, with its manifest.

    Pieces are float32 ``[channels, n]`` (``n`` may be 0); joined they are the song. ``close`` stops the work.
    """

    def __init__(self, pieces: Generator[tuple[Progress, FloatArray], None, Song]) -> None:
        """``pieces`` returns the song."""
        self._pieces = pieces
        self._song: Song | None = None

    def __next__(self) -> tuple[Progress, FloatArray]:
        """The next piece."""
        try:
            return next(self._pieces)
        except StopIteration as end:
            if end.value is not None:
                self._song = end.value
            raise StopIteration from None

    def close(self) -> None:
        """Stop making it."""
        self._pieces.close()

    @property
    def song(self) -> Song:
        """The song. Raises ``SongBloomError`` before the last piece was taken."""
        if self._song is None:
            raise SongBloomError("the song is not finished: take all its pieces first")
        return self._song

    def whole(self) -> Song:
        """All the rest, and the song."""
        for _ in self:
            pass
        return self.song
