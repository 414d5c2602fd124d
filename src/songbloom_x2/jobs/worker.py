"""A worker: claims jobs, makes their songs with the model it holds, and shows that it is alive. One thread makes songs.

Runs in a process of its own (``worker_process``) or in a Ray actor; ends when it is told to, or after a fault.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from songbloom_x2.errors import CancelledError, SongBloomError, StorageError
from songbloom_x2.jobs.claims import Claim, ClaimLostError, Claims
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.library import SongLibrary
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.staff import Staff

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline

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
        self._state = "starting"
        self._claim: Claim | None = None
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
        self._claim = claim
        self._state = "working"
        try:
            self._make(claim)
        finally:
            self._claim = None
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

    def _make(self, claim: Claim) -> None:
        from songbloom_x2.jobs.making import JobMaking
        from songbloom_x2.jobs.recording import patiently
        from songbloom_x2.jobs.telling import StoppedError

        try:
            pipeline = self._load(claim.model)
            self._state = "working"
            made = JobMaking(
                claim, self._claims, self._library, self._folder, pipeline, self._plan, self._must_stop
            ).run()
            patiently(lambda: self._claims.succeed(claim))
            if made.steps:
                self._staff.measured(claim.model, made.steps, seconds=made.seconds, spent=made.spent)
        except StoppedError:
            self._claims.give_back(claim)
        except CancelledError:
            self._claims.cancel(claim)
        except ClaimLostError as error:
            _log.warning("%s", error)
        except StorageError:
            # Disk or database, not the request: the job waits until they can be used again.
            self._put_back(claim)
            raise
        except SongBloomError as error:
            self._claims.fail(claim, _one_line(error))
        except MemoryError:
            self._claims.give_up(claim, "there was not enough memory")
            raise
        except Exception as error:
            self._claims.give_up(claim, f"{type(error).__name__}: {_one_line(error)}")
            raise
        finally:
            for song in claim.songs:
                with contextlib.suppress(OSError):
                    self._folder.live_file(song.id).unlink(missing_ok=True)

    def _put_back(self, claim: Claim) -> None:
        """Give the job back, if the database can be reached; else its lease runs out."""
        try:
            self._claims.give_back(claim)
        except (StorageError, ClaimLostError) as error:
            _log.warning("%s", error)

    def _load(self, name: str) -> SongPipeline:
        if self._pipeline is not None and self._model == name:
            return self._pipeline
        self._state = "loading"
        from songbloom_x2.pipeline import SongPipeline

        self._unload()
        models = None if self._plan.models_dir is None else Path(self._plan.models_dir)
        self._pipeline = SongPipeline.from_pretrained(
            self._plan.model_source(name), self._plan.runtime, models_dir=models
        )
        self._model = name
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
            claim = self._claim
            if time.monotonic() - self._moved > self._plan.jobs.stall_seconds:
                # Stuck: no more signs of life, so that the job is given to another and this process replaced.
                continue
            try:
                if claim is not None:
                    self._claims.extend(claim)
                wanted = self._staff.show(self.id, self._state, self._model, claim.job if claim else None)
                self._wanted = wanted or self._wanted
            except ClaimLostError:
                continue
            except StorageError as error:
                _log.warning("%s", error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
