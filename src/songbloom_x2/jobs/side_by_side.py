"""The new songs of several jobs, side by side: a waiting job joins between two blocks, a finished one leaves.

What goes wrong with one job ends that one; what disk, database or model do not let through ends all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from songbloom_x2.config import SamplingConfig, SongConfig
from songbloom_x2.errors import SongBloomError, StorageError
from songbloom_x2.jobs.claims import Claim, WaitingJob
from songbloom_x2.jobs.making import JobMaking
from songbloom_x2.jobs.request_fields import NEW_SONGS
from songbloom_x2.jobs.requests import song_request
from songbloom_x2.request_checks import requested_sampling
from songbloom_x2.song_making import PreparedSong
from songbloom_x2.together import SongsTogether
from songbloom_x2.workshop import EMPTY

_FIRST_SECONDS = 0.5


@dataclass
class JobAtWork:
    """A job among the others. ``songs``: its missing ones; ``waiting`` and ``running`` are places among them."""

    making: JobMaking
    songs: Sequence[PreparedSong]
    waiting: list[int] = field(default_factory=list)
    running: dict[int, int] = field(default_factory=dict)
    """Numbers among all songs that are made -> places."""
    empty: list[str] = field(default_factory=list)
    """Seeds of songs that the model ended before their first block."""
    seconds: float = 0.0
    """Of song made."""
    spent: float = 0.0
    """Its share of the time that the blocks took."""

    def __post_init__(self) -> None:
        """All its songs wait."""
        self.waiting = list(range(len(self.songs)))

    @property
    def done(self) -> bool:
        """Whether all its songs are made."""
        return not self.waiting and not self.running


class SideBySide:
    """At most ``room`` songs at the same time."""

    def __init__(
        self,
        together: SongsTogether,
        room: int,
        *,
        another: Callable[[], JobAtWork | None],
        end: Callable[[Claim, BaseException | None], None],
        measured: Callable[[JobAtWork], None],
    ) -> None:
        """``another`` claims a job that can be made beside these; ``end`` writes down what became of a claim."""
        self._together = together
        self._room = room
        self._another = another
        self._end = end
        self._measured = measured
        self._jobs: list[JobAtWork] = []

    def run(self, first: JobAtWork) -> None:
        """Until no job is left. Raises what concerns more than one job; all are ended with it then."""
        self._jobs.append(first)
        try:
            while self._jobs:
                self._fill()
                self._block()
                self._finish()
        except BaseException as error:
            for job in list(self._jobs):
                # One that cannot be written down now is lost when its lease runs out.
                with contextlib.suppress(StorageError):
                    self._leave(job, error)
            raise

    def _fill(self) -> None:
        while self._together.going_on < self._room:
            job = next((job for job in self._jobs if job.waiting), None)
            if job is not None:
                place = job.waiting.pop(0)
                job.running[self._together.join(job.songs[place])] = place
                continue
            another = self._another()
            if another is None:
                return
            self._jobs.append(another)

    def _block(self) -> None:
        started = time.perf_counter()
        heard = self._together.block()
        share = (time.perf_counter() - started) / max(len(heard), 1)
        for number, progress, sound in heard:
            job = self._job_of(number)
            if job is None:
                # It left during this block.
                continue
            job.spent += share
            place = job.running[number]
            try:
                job.making.telling.progressed(place, progress)
                job.making.telling.heard(place, sound)
            except StorageError:
                raise
            except SongBloomError as error:
                self._leave(job, error)

    def _finish(self) -> None:
        for number in self._together.over():
            job = self._job_of(number)
            if job is None:
                continue
            place = job.running.pop(number)
            try:
                self._keep(job, number, place)
            except StorageError:
                raise
            except SongBloomError as error:
                self._leave(job, error)
        for job in [job for job in self._jobs if job.done]:
            if job.seconds and not job.empty:
                self._measured(job)
            self._leave(job, SongBloomError(EMPTY.format(seeds=", ".join(job.empty))) if job.empty else None)

    def _keep(self, job: JobAtWork, number: int, place: int) -> None:
        if self._together.is_empty(number):
            self._together.drop(number)
            job.empty.append(str(job.songs[place].request.seed))
            return
        rest, song = self._together.finish(number)
        job.making.telling.heard(place, rest)
        job.making.record(place, song)
        job.seconds += song.waveform.seconds

    def _leave(self, job: JobAtWork, error: BaseException | None) -> None:
        self._jobs.remove(job)
        for number in job.running:
            self._together.drop(number)
        job.making.telling.close()
        self._end(job.making.claim, error)

    def _job_of(self, number: int) -> JobAtWork | None:
        return next((job for job in self._jobs if number in job.running), None)


def fits_beside(waiting: WaitingJob, made: Claim, config: SongConfig, sampling: SamplingConfig) -> bool:
    """Whether a job that waits can be made beside one that is being made, with this sampling.

    Not one that cost a worker before, and not in its first moment: another worker may be without work.
    """
    if waiting.kind not in NEW_SONGS or waiting.model != made.model or waiting.attempts:
        return False
    if (waiting.request.get("machine") or {}) != (made.request.get("machine") or {}):
        return False
    if waiting.request.get("method") == "guidance" or time.time() - waiting.created < _FIRST_SECONDS:
        return False
    try:
        return requested_sampling(song_request(waiting.request, None), config) == sampling
    except SongBloomError:
        return False
