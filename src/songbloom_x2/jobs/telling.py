"""What is told while songs are made: sound into files, progress into the database, cancelling out of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from songbloom_x2.errors import CancelledError, StorageError
from songbloom_x2.jobs.claims import Claim, ClaimedSong, Claims
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.live import LiveWriter
from songbloom_x2.types import FloatArray, PreparedLyrics, Progress, Style

Stop = Callable[[], bool]
"""Whether the worker must stop; asked after each block."""

_TOLD_EVERY = 0.2
"""Seconds between two entries about progress; cancelling is looked for after every block."""
_log = logging.getLogger(__name__)


class StoppedError(CancelledError):
    """The worker shall stop: the job goes back to the queue."""


@dataclass
class Telling:
    """Listens to the songs of one claim; ``songs`` are those that are made, by number."""

    claim: Claim
    claims: Claims
    folder: DataFolder
    songs: Sequence[ClaimedSong]
    stop: Stop
    sample_rate: int
    _files: dict[int, LiveWriter] = field(default_factory=dict)
    _blocks: dict[int, Progress] = field(default_factory=dict)
    _expected: list[int] = field(default_factory=list)
    _told: float = 0.0

    def close(self) -> None:
        """Close the files; they are taken away when the job is over."""
        for file in self._files.values():
            file.close()

    def expect(self, blocks: Sequence[int]) -> None:
        """How many blocks each song is likely to have."""
        self._expected = list(blocks)

    def prepared(self, song: int, lyrics: PreparedLyrics) -> None:
        """Findings are in the manifest."""

    def styled(self, song: int, style: Style | None) -> None:
        """The style is in the manifest."""

    def progressed(self, song: int, progress: Progress) -> None:
        """A block more: write it down, and see whether to go on."""
        self._blocks[song] = progress
        self._expected[song] = progress.blocks_expected
        if self.stop():
            raise StoppedError(f"job {self.claim.job} goes back to the queue")
        try:
            cancelled = self.claims.cancelled(self.claim)
            self._tell()
        except StorageError as error:
            # The song can be made without the database; it is needed again when the song is recorded.
            _log.warning("%s", error)
            return
        if cancelled:
            raise CancelledError(f"job {self.claim.job} was cancelled")

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told < _TOLD_EVERY:
            return
        self._told = now
        self.claims.progress(
            self.claim,
            blocks_done=sum(told.block for told in self._blocks.values()),
            blocks_expected=sum(self._expected),
            seconds_made=sum(told.seconds_made for told in self._blocks.values()),
        )

    def heard(self, song: int, sound: FloatArray) -> None:
        """Sound for those who listen already."""
        try:
            if song not in self._files:
                path = self.folder.live_file(self.songs[song].id)
                self._files[song] = LiveWriter(path, self.sample_rate, sound.shape[0])
            self._files[song].append(np.ascontiguousarray(sound))
        except OSError as error:
            raise StorageError(f"the sound cannot be kept: {error.strerror}") from error
