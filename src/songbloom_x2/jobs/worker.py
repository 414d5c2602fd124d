"""A worker: claims jobs, makes their songs with the model it holds, and shows that it is alive. One thread makes songs,
those of several jobs side by side where they can be.

Runs in a process of its own (``worker_process``) or in a Ray actor; ends when it is told to, or after a fault.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import CancelledError, SongBloomError, StorageError
from songbloom_x2.jobs.claims import Claim, ClaimLostError, Claims
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.library import SongLibrary
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.request_fields import speed_name
from songbloom_x2.jobs.staff import Staff

if TYPE_CHECKING:
    from songbloom_x2.jobs.side_by_side import JobAtWork
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.together import SongsTogether

_POLL_SECONDS = 0.2
_SHOW_SECONDS = 2.0
_REST_SECONDS = 2.0
"""How long a worker waits after disk or database refused it."""

_log = logging.getLogger(__name__)


class Worker:
    """One worker's life."""

    def __init__(self, id: str, plan: ServicePlan) -> None:
        """Nothing is loaded yet."""
        self.id = id
        self._plan = plan
        self._database = Database(plan.database)
        lease = plan.jobs.lease_seconds
        self._claims = Claims(self._database, lease_seconds=lease, attempts=plan.jobs.attempts)
        self._staff = Staff(self._database, alive_seconds=lease)
        self._folder = DataFolder(Path(plan.data_dir))
        self._library = SongLibrary(self._database)
        self._pipeline: SongPipeline | None = None
        self._model: str | None = None
        self._runtime: RuntimeConfig | None = None
        self._state = "starting"
        self._held: list[Claim] = []
        """What it is making."""
        self._wanted: str | None = None
        self._moved = time.monotonic()
        self._finish_by: float | None = None
        self._ended = threading.Event()

    def stop(self, within: float) -> None:
        """Claim nothing more; finish within so many seconds, or give the job back."""
        deadline = time.monotonic() + within
        self._finish_by = deadline if self._finish_by is None else min(deadline, self._finish_by)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._finish_by is not None

    def run(self) -> None:
        """Work until ``stop``. Raises what went wrong unexpectedly: this worker is not to be trusted any more then."""
        signs = threading.Thread(target=self._show_signs, name="signs of life", daemon=True)
        signs.start()
        idle_since = time.monotonic()
        if self._plan.jobs.preload:
            self._wanted = f"load {self._plan.model_name}"
        try:
            while not self.stopping:
                self._moved = time.monotonic()
                if self._guarded(self._step):
                    idle_since = time.monotonic()
                    continue
                limit = self._plan.jobs.idle_unload_seconds
                if limit is not None and self._pipeline is not None and time.monotonic() - idle_since > limit:
                    self._unload()
                time.sleep(_POLL_SECONDS)
        finally:
            self._state = "stopping"
            self._ended.set()
            signs.join(timeout=5)
            self._guarded(self._leave)
            self._database.close()

    def _leave(self) -> bool:
        self._staff.leave(self.id)
        return True

    def _guarded(self, act: Callable[[], bool]) -> bool:
        """Act; where the database or disk refuses, say so, wait, and go on: they may come back."""
        try:
            return act()
        except StorageError as error:
            _log.warning("%s", error)
            self._ended.wait(_REST_SECONDS)
            return False

    def _step(self) -> bool:
        """Do the next thing there is to do; false where there is nothing."""
        self._state = "idle"
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._obey(wanted)
            return True
        self._claims.reap()
        claim = self._claims.claim(self.id)
        if claim is None:
            return False
        try:
            self._work(claim)
        finally:
            self._held = []
            self._state = "idle"
        return True

    def _obey(self, wanted: str) -> None:
        what, _, name = wanted.partition(" ")
        try:
            if what == "load":
                self._load(name)
            else:
                self._unload()
        except SongBloomError as error:
            _log.warning("model '%s' could not be loaded: %s", name, error)
        self._staff.done(self.id, wanted)

    def _work(self, claim: Claim) -> None:
        """Make a job, and what can be made beside it. Raises what this worker cannot go on with."""
        job = self._begun(claim)
        if job is None:
            return
        self._state = "working"
        assert self._pipeline is not None
        together = self._pipeline.together(job.songs[0].sampling) if job.songs else None
        if together is not None and all(together.fits(song) for song in job.songs):
            self._side_by_side(job, together, self._pipeline)
            return
        try:
            job.making.run(job.songs)
        except BaseException as error:
            self._failed(claim, error)
        else:
            self._end(claim, None)

    def _begun(self, claim: Claim) -> JobAtWork | None:
        """A claimed job, ready to be made; none where it cannot be, which is written down then."""
        from songbloom_x2.jobs.making import JobMaking
        from songbloom_x2.jobs.side_by_side import JobAtWork

        self._held.append(claim)
        try:
            pipeline = self._load(claim.model, claim.request.get("machine"))
            making = JobMaking(claim, self._claims, self._library, self._folder, pipeline, self._plan, self._must_stop)
            return JobAtWork(making, making.prepare() if making.new and making.missing else [])
        except BaseException as error:
            self._failed(claim, error)
            return None

    def _side_by_side(self, first: JobAtWork, together: SongsTogether, pipeline: SongPipeline) -> None:
        from songbloom_x2.jobs.side_by_side import SideBySide, fits_beside
        from songbloom_x2.jobs.telling import StoppedError

        made, config, sampling = first.making.claim, pipeline.config, first.songs[0].sampling
        # What cost a worker once is made with nothing beside it, so that nobody else pays for it.
        open_for_more = made.attempt == 1
        looked = 0.0

        def another() -> JobAtWork | None:
            nonlocal looked, open_for_more
            now = time.monotonic()
            if not open_for_more or self.stopping or self._wanted is not None or now - looked < _POLL_SECONDS:
                return None
            looked = now
            try:
                claim = self._claims.claim(self.id, lambda job: fits_beside(job, made, config, sampling))
            except StorageError as error:
                # Those that are being made can do without.
                _log.warning("%s", error)
                return None
            looked = 0.0
            job = None if claim is None else self._begun(claim)
            if job is not None and not all(together.fits(song) for song in job.songs):
                open_for_more = False
                self._end(job.making.claim, StoppedError("it cannot be made beside others"))
                return None
            return job

        SideBySide(together, pipeline.batch_size, another=another, end=self._end, measured=self._measured).run(first)

    def _measured(self, job: JobAtWork) -> None:
        try:
            steps = job.songs[0].sampling.steps
            name = speed_name(job.making.claim.model, job.making.claim.request)
            self._staff.measured(name, steps, seconds=job.seconds, spent=job.spent)
        except StorageError as error:
            _log.warning("%s", error)

    def _failed(self, claim: Claim, error: BaseException) -> None:
        """Write down what ended a job; raises again what concerns more than that."""
        self._end(claim, error)
        if not isinstance(error, SongBloomError) or isinstance(error, StorageError):
            raise error

    def _end(self, claim: Claim, error: BaseException | None) -> None:
        """Write down what became of a job; none: all its songs are recorded."""
        try:
            self._write_down(claim, error)
        except ClaimLostError as lost:
            _log.warning("%s", lost)
        finally:
            self._held = [held for held in self._held if held is not claim]
            if not isinstance(error, ClaimLostError):
                # Else another worker's sound may grow there by now.
                self._forget_live(claim)

    def _forget_live(self, claim: Claim) -> None:
        for song in claim.songs:
            with contextlib.suppress(OSError):
                self._folder.live_file(song.id).unlink(missing_ok=True)

    def _write_down(self, claim: Claim, error: BaseException | None) -> None:
        from songbloom_x2.jobs.recording import patiently
        from songbloom_x2.jobs.telling import StoppedError

        match error:
            case None:
                patiently(lambda: self._claims.succeed(claim))
            case StoppedError():
                self._claims.give_back(claim)
            case CancelledError():
                self._claims.cancel(claim)
            case ClaimLostError():
                _log.warning("%s", error)
            case StorageError():
                # Disk or database, not the request: the job waits until they can be used again.
                self._put_back(claim)
            case SongBloomError():
                self._claims.fail(claim, _one_line(error))
            case MemoryError():
                self._claims.give_up(claim, "there was not enough memory")
            case _:
                self._claims.give_up(claim, f"{type(error).__name__}: {_one_line(error)}")

    def _put_back(self, claim: Claim) -> None:
        """Give the job back, if the database can be reached; else its lease runs out."""
        try:
            self._claims.give_back(claim)
        except (StorageError, ClaimLostError) as error:
            _log.warning("%s", error)

    def _load(self, name: str, machine: Mapping[str, Any] | None = None) -> SongPipeline:
        """The model; loaded anew where another is in memory, or the same one for another ``machine``."""
        runtime = dataclasses.replace(self._plan.runtime, **(machine or {}))
        if self._pipeline is not None and (self._model, self._runtime) == (name, runtime):
            return self._pipeline
        self._state = "loading"
        from songbloom_x2.pipeline import SongPipeline

        self._unload()
        models = None if self._plan.models_dir is None else Path(self._plan.models_dir)
        self._pipeline = SongPipeline.from_pretrained(self._plan.model_source(name), runtime, models_dir=models)
        self._model, self._runtime = name, runtime
        self._moved = time.monotonic()
        return self._pipeline

    def _unload(self) -> None:
        if self._pipeline is None:
            return
        import torch

        self._pipeline = self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _must_stop(self) -> bool:
        """Asked after each block."""
        self._moved = time.monotonic()
        return self._finish_by is not None and time.monotonic() > self._finish_by

    def _show_signs(self) -> None:
        """Renew the lease and show up, as long as the other thread gets on."""
        every = min(_SHOW_SECONDS, self._plan.jobs.lease_seconds / 4)
        first = 0.0
        while not self._ended.wait(first):
            first = every
            held = self._held
            if time.monotonic() - self._moved > self._plan.jobs.stall_seconds:
                # Stuck: no more signs of life, so that the job is given to another and this process replaced.
                continue
            try:
                for claim in held:
                    with contextlib.suppress(ClaimLostError):
                        self._claims.extend(claim)
                wanted = self._staff.show(self.id, self._state, self._model, held[0].job if held else None)
                self._wanted = wanted or self._wanted
            except StorageError as error:
                _log.warning("%s", error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
