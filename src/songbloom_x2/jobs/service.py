"""The one door to jobs, songs, styles and models for HTTP and the web page: synchronous, thread-safe, no tensors.

    service = JobService(ServicePlan.from_settings(settings))
    service.start()                                   # database, folders, workers
    job = service.submit("generate", {"lyrics": "[verse] City lights."}, LOCAL)
    ...
    service.stop()

Every method that takes an ``owner`` sees that owner's things only, unless it may see ``everything``: what belongs to
somebody else does not exist (``NotFoundError``). All raise ``StorageError`` while database or disk cannot be used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.audio.formats import FORMATS
from songbloom_x2.config import JobLimits
from songbloom_x2.errors import CheckpointError, ConfigError, NotFoundError, StorageError
from songbloom_x2.jobs.claims import Claims
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.executors.local import LocalExecutor
from songbloom_x2.jobs.files import DataFolder, new_id
from songbloom_x2.jobs.keys import KeyStore
from songbloom_x2.jobs.library import SongLibrary, StyleLibrary
from songbloom_x2.jobs.listening import LiveAudio
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.queue import JobQueue
from songbloom_x2.jobs.records import (
    LOCAL,
    Health,
    Job,
    JobEvent,
    JobState,
    ModelRecord,
    Owner,
    SongRecord,
    StyleRecord,
)
from songbloom_x2.jobs.request_fields import FIELDS, LONGEST_TITLE, speed_name
from songbloom_x2.jobs.requests import CheckedRequest, checked_request
from songbloom_x2.jobs.shapes import ModelShapes
from songbloom_x2.jobs.staff import Staff
from songbloom_x2.jobs.style_sounds import StyleSounds
from songbloom_x2.jobs.submissions import NewJob, NewSong, Room, Submissions
from songbloom_x2.jobs.upkeep import Upkeep

if TYPE_CHECKING:
    from songbloom_x2.jobs.executors.base import Executor
    from songbloom_x2.text.prepare import LyricsReport

KINDS = tuple(FIELDS)
"""What can be asked for."""
LOWEST_PRIORITY = -10
_EXTRA_FILES = {"json": "song.json", "peaks": "peaks.json", "lrc": "song.lrc", "mid": "song.mid"}
_GUESSED_FACTOR = 3.0
"""Seconds of work for a second of song, until it was measured here (only for how long a full queue may take)."""


class JobService:
    """The facade. One in a process; start it, use it from any thread, stop it."""

    def __init__(self, plan: ServicePlan) -> None:
        """Nothing is touched before ``start``. Raises ``ConfigError`` for a database URL that cannot be used."""
        self.plan = plan
        self._database = Database(plan.database)
        models_dir = None if plan.models_dir is None else Path(plan.models_dir)
        self._shapes = ModelShapes(plan.model_name, models_dir, plan.model)
        self._folder = DataFolder(Path(plan.data_dir))
        self._sounds = StyleSounds(plan)
        self._transcoding = threading.Lock()
        self.keys = KeyStore(self._database)
        """API keys: who may use the server."""
        self.executor: Executor | None = None
        """What keeps the workers running; for tests and operators."""
        jobs = plan.jobs
        self._queue = JobQueue(self._database)
        self._submissions = Submissions(self._database)
        self._claims = Claims(self._database, lease_seconds=jobs.lease_seconds, attempts=jobs.attempts)
        self._library = SongLibrary(self._database)
        self._uploaded = StyleLibrary(self._database)
        self._staff = Staff(self._database, alive_seconds=jobs.lease_seconds)
        self.upkeep = Upkeep(self._database, self._folder, self._claims, self._staff, jobs)

    def start(self, *, workers: bool = True) -> None:
        """Make folders and tables, clean up what was left half-made, start workers (not with ``workers=False``)."""
        self._folder.prepare()
        self._database.migrate()
        self.upkeep.once()
        self.upkeep.start()
        if workers:
            self.executor = self._new_executor()
            self.executor.start()

    def stop(self) -> None:
        """Workers finish or give their jobs back, within ``jobs.drain_seconds`` and a little; then all is closed."""
        if self.executor is not None:
            self.executor.stop()
            self.executor = None
        self.upkeep.stop()
        self._database.close()

    @property
    def limits(self) -> JobLimits:
        """What one request may ask for."""
        return self.plan.limits

    # Jobs

    def submit(
        self,
        kind: str,
        request: Mapping[str, Any],
        owner: Owner,
        *,
        samples: int = 1,
        priority: int = 0,
        idempotency_key: str | None = None,
    ) -> Job:
        """Check a request and put it into the queue; ``samples`` songs, with seeds that count up.

        What ``request`` may hold stands in ``request_fields.FIELDS``; all but lyrics, ``song`` and the styles of a mix
        may be left out, ``types`` says what they mean. A ``style`` is a name, words, the id of an uploaded style, or a
        mix of such (``rock:0.7 soul:0.3``); a seed that is left out is drawn. ``interpolate`` makes ``steps`` songs.
        A repeated ``idempotency_key`` gives the same job again.
        Raises ``ConfigError``, ``LimitError``, ``LyricsError``, ``StyleError``, ``NotFoundError`` (model, style),
        ``CheckpointError`` (model not here), ``ConflictError`` (key), ``QueueFullError``, ``QuotaError``.
        """
        if not LOWEST_PRIORITY <= priority <= max(owner.priority, 0):
            raise ConfigError(f"priority {priority}: must be from {LOWEST_PRIORITY} to {owner.priority}")
        # Zero is what everybody may ask for; an owner of less gets less.
        priority = min(priority, owner.priority)
        checked = self._checked(kind, request, owner, samples)
        for style in sorted(checked.uploads):
            self._uploaded.style(style, owner)
        title = checked.title or _first_words(checked.lyrics)
        new = NewJob(
            id=new_id("job"),
            owner=owner.id,
            kind=kind,
            request=checked.stored,
            model=checked.shape.name,
            songs=[
                NewSong(new_id("song"), title, checked.lyrics, take.style, take.seed, checked.parents)
                for take in checked.takes
            ],
            seconds_asked=checked.seconds * len(checked.takes),
            priority=priority,
            max_running=_own(owner.max_running, self.limits.max_running_per_owner),
            idempotency_key=idempotency_key,
            fingerprint=None if idempotency_key is None else _fingerprint(kind, request, samples, priority),
        )
        room = Room(
            self.limits.max_queued,
            _own(owner.max_queued, self.limits.max_queued_per_owner),
            _own(owner.max_songs_per_day, self.limits.max_songs_per_day),
        )
        accepted = self._submissions.submit(new, room, self._room_after)
        if accepted.known:
            return self.job(accepted.id, owner)
        # As it is in the database; nothing is looked up, so that many can come at once.
        return Job(
            id=new.id,
            owner=new.owner,
            kind=new.kind,
            request=new.request,
            samples=len(new.songs),
            priority=new.priority,
            model=new.model,
            state="queued",
            created=accepted.created,
            song_ids=tuple(song.id for song in new.songs),
            position=accepted.position,
        )

    def job(self, id: str, owner: Owner) -> Job:
        """One job. Raises ``NotFoundError``."""
        return self._queue.job(id, owner)

    def jobs(
        self, owner: Owner, *, state: JobState | None = None, limit: int = 50, before: str | None = None
    ) -> list[Job]:
        """The newest first; ``before``: only those older than the job of this id."""
        return self._queue.jobs(owner, state=state, limit=limit, before=before)

    def cancel(self, id: str, owner: Owner) -> Job:
        """Stop a job: at once while it waits, within a block while it runs.

        Raises ``NotFoundError``; ``ConflictError`` where it has succeeded or failed already.
        """
        return self._queue.cancel(id, owner)

    def events(self, job_id: str, owner: Owner, after: int = 0) -> list[JobEvent]:
        """Events of a job with ids above ``after``, oldest first. Ids count from 1 without gaps."""
        return self._queue.events(job_id, owner, after)

    def wait_events(self, job_id: str, owner: Owner, after: int = 0, *, timeout: float = 10.0) -> list[JobEvent]:
        """As ``events``, but waits for the first up to ``timeout`` seconds; empty where none came.

        Blocks its thread; a server of many clients asks ``events`` again and again instead.
        """
        deadline = time.monotonic() + timeout
        while not (found := self.events(job_id, owner, after)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    # Songs

    def song(self, id: str, owner: Owner, *, deleted: bool = False) -> SongRecord:
        """A finished song; ``deleted``: also one that was deleted. Raises ``NotFoundError``."""
        return self._library.song(id, owner, deleted=deleted).record

    def songs(
        self,
        owner: Owner,
        *,
        search: str | None = None,
        favourite: bool | None = None,
        deleted: bool = False,
        job: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[SongRecord]:
        """Finished songs, the newest first. ``search``: all these words in title, lyrics or style."""
        return self._library.songs(
            owner, search=search, favourite=favourite, deleted=deleted, job=job, limit=limit, before=before
        )

    def song_file(self, id: str, owner: Owner, format: str = "flac") -> Path:
        """A song as a file: ``flac wav mp3 opus``, made when asked for the first time and then kept; or ``json`` (its
        manifest), ``peaks``, and where the model tells them ``lrc`` (timed lyrics) and ``mid`` (melody).

        Raises ``NotFoundError``, ``ConfigError`` for another format.
        """
        shelved = self._library.song(id, owner)
        folder = self._folder.song_folder(shelved.folder)
        if format in _EXTRA_FILES:
            name = _EXTRA_FILES[format]
            if name not in shelved.record.files:
                raise NotFoundError(f"this song has no {format}: its model does not tell it")
            return _there(folder / name)
        if format not in {known.name for known in FORMATS}:
            names = ", ".join([*(known.name for known in FORMATS), *_EXTRA_FILES])
            raise ConfigError(f"format '{format[:60]}' is not known; choose one of {names}")
        stored = _there(folder / "song.flac")
        if format == "flac":
            return stored
        from songbloom_x2.jobs.transcode import transcoded

        with self._transcoding:
            return transcoded(stored, format)

    def manifest(self, id: str, owner: Owner) -> dict[str, Any]:
        """What is needed to make a song again."""
        return _json_of(self.song_file(id, owner, "json"))

    def peaks(self, id: str, owner: Owner) -> dict[str, Any]:
        """The song's outline: ``seconds``, ``points``, ``low`` and ``high`` (lists of numbers from -1 to 1)."""
        return _json_of(self.song_file(id, owner, "peaks"))

    def spectrogram(self, id: str, owner: Owner) -> Path:
        """A PNG, made when asked for the first time and then kept."""
        from songbloom_x2.jobs.transcode import pictured

        stored = self.song_file(id, owner)
        with self._transcoding:
            return pictured(stored)

    def live_audio(self, id: str, owner: Owner, start: int = 0) -> LiveAudio:
        """The sound of a song from byte ``start`` on, also while it is being made or waits. ``id``: a song's, or a
        job's, which stands for its first song. See ``LiveAudio``. Raises ``NotFoundError``.
        """
        if id.startswith("job-"):
            job = self.job(id, owner)
            if not job.song_ids:
                raise NotFoundError("this job has no song")
            id = job.song_ids[0]
        job_id = self._library.job_of(id, owner)
        shape = self._shapes.shape(self.job(job_id, owner).model)

        def finished() -> Path | None:
            try:
                return self._folder.song_folder(self._library.song(id, owner).folder) / "song.flac"
            except NotFoundError:
                return None

        def over() -> bool:
            return self._queue.job(job_id, owner).over

        return LiveAudio(
            self._folder.live_file(id), shape.config.sample_rate, shape.channels, start, finished=finished, over=over
        )

    def rename(self, id: str, owner: Owner, title: str) -> SongRecord:
        """Give a song another title. Raises ``ConfigError`` for one that is empty or too long."""
        title = " ".join(title.split())
        if not title or len(title) > LONGEST_TITLE:
            raise ConfigError(f"title: from 1 to {LONGEST_TITLE} characters")
        return self._library.change(id, owner, {"title": title})

    def favourite(self, id: str, owner: Owner, value: bool = True) -> SongRecord:
        """Mark a song, or take the mark away. Favourites are not deleted by age or size."""
        return self._library.change(id, owner, {"favourite": value})

    def delete(self, id: str, owner: Owner) -> SongRecord:
        """Delete a song; it can be brought back for ``jobs.trash_days``."""
        return self._library.delete(id, owner)

    def undelete(self, id: str, owner: Owner) -> SongRecord:
        """Bring a deleted song back. Raises ``NotFoundError`` once it is gone for good."""
        return self._library.undelete(id, owner)

    # Styles

    def styles(self, owner: Owner, *, model: str | None = None) -> list[StyleRecord]:
        """The owner's uploaded styles, then those that come with the model (none: the default)."""
        return [*self._uploaded.styles(owner), *self._shapes.shape(model).styles]

    def add_style(self, owner: Owner, name: str, file: Path) -> StyleRecord:
        """Keep an uploaded sound as a style. ``file`` is read in a child process with bounds on time and memory, and
        may be deleted afterwards; ``name`` is for people, it never becomes a path. The id goes into requests.

        Raises ``StyleError`` for what is no sound, ``LimitError`` for too much, ``QuotaError`` for too many.
        """
        from songbloom_x2.jobs.uploads import decode_upload

        name = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:120] or "style"
        id = new_id("style")
        target = self._folder.style_file(id)
        seconds, sha256 = decode_upload(file, target, self.limits)
        try:
            kept = self._uploaded.add(
                id, owner, name=name, sha256=sha256, seconds=seconds, most=self.limits.max_styles_per_owner
            )
            if kept.id != id:
                target.unlink(missing_ok=True)
            return kept
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def style_file(self, id: str, owner: Owner, *, model: str | None = None) -> Path:
        """The sound of a style: an uploaded one as FLAC, one that comes with a model (none: the default) as MP3.

        The latter are decoded when the first is asked for, which takes some seconds, and then kept.
        Raises ``NotFoundError``, ``StorageError``.
        """
        shape = self._shapes.shape(model)
        if shape.weights is not None and any(style.id == id for style in shape.styles):
            return self._sounds.file(shape.name, shape.weights, id)
        self._uploaded.style(id, owner)
        return _there(self._folder.style_file(id))

    def delete_style(self, id: str, owner: Owner) -> None:
        """Jobs that wait may still use it. Raises ``NotFoundError``."""
        self._uploaded.delete(id, owner)

    # Lyrics, models, estimates

    def check_lyrics(
        self, text: str, model: str | None = None, duration: float | None = None, *, instrumental: bool = False
    ) -> LyricsReport:
        """What would be sung, how long it takes, and what is worth telling. Raises ``LyricsError``, ``LimitError``."""
        from songbloom_x2.errors import LimitError
        from songbloom_x2.text.prepare import report_lyrics

        if len(text) > self.limits.max_lyrics:
            raise LimitError(f"the lyrics have {len(text)} characters; {self.limits.max_lyrics} are allowed")
        config = self._shapes.shape(model).config
        return report_lyrics(
            text,
            config.lyrics,
            instrumental_seconds=config.instrumental_seconds,
            instrumental=instrumental,
            duration=duration,
        )

    def clean_lyrics(self, text: str, model: str | None = None) -> str:
        """The lyrics as the model would sing them, in lines for people. Raises as ``check_lyrics`` does."""
        from songbloom_x2.text.grammar import by_lines

        lines = by_lines(self.check_lyrics(text, model).prepared.text)
        return "\n".join(f"\n{line}" if index and line.startswith("[") else line for index, line in enumerate(lines))

    def models(self) -> list[ModelRecord]:
        """Every model that can be asked for by name, the default first, also those that are not on this machine."""
        held = [worker.model for worker in self._staff.workers()]
        return [self._model(name, held.count(name)) for name in self._shapes.names()]

    def load_model(self, name: str) -> int:
        """Ask the workers to load a model once they are free; gives how many were asked.

        Raises ``NotFoundError``, ``CheckpointError``.
        """
        return self._staff.ask(f"load {self._shapes.shape(name).name}")

    def unload_model(self, name: str) -> int:
        """Ask the workers that hold a model to free its memory once they are free; gives how many were asked."""
        return self._staff.ask("unload", holding=self._shapes.shape(name).name)

    def estimate(
        self, request: Mapping[str, Any], *, samples: int = 1, kind: str = "generate", owner: Owner = LOCAL
    ) -> float | None:
        """Seconds that a request is likely to take here, waiting not counted; none before the model was measured.

        ``owner``: whose songs a request of another kind may start from. Raises as ``submit`` for a request that cannot
        be served.
        """
        checked = self._checked(kind, request, owner, samples)
        speed = self._staff.speed(speed_name(checked.shape.name, checked.stored), checked.steps)
        return None if speed is None else speed * checked.seconds * len(checked.takes)

    def health(self) -> Health:
        """Whether songs can be made now: database, data folder, workers."""
        problems = []
        queued = running = 0
        workers: tuple[Any, ...] = ()
        try:
            queued, running, _ = self._queue.counts()
            memory = self.executor.memory() if isinstance(self.executor, LocalExecutor) else {}
            workers = tuple(
                dataclasses.replace(worker, memory=memory.get(worker.id)) for worker in self._staff.workers()
            )
            if self.executor is not None and not workers:
                problems.append("no worker is there yet")
        except StorageError as error:
            problems.append(str(error))
        if (reason := self._folder.writable()) is not None:
            problems.append(reason)
        return Health(not problems, tuple(problems), queued, running, workers)

    def _new_executor(self) -> Executor:
        if self.plan.jobs.executor == "ray":
            from songbloom_x2.jobs.executors.ray import RayExecutor

            return RayExecutor(self.plan, self._claims, self._staff, lambda: sum(self._queue.counts()[:2]))
        return LocalExecutor(self.plan, self._claims, self._staff)

    def _checked(self, kind: str, request: Mapping[str, Any], owner: Owner, samples: int) -> CheckedRequest:
        return checked_request(kind, request, self._shapes, self.limits, samples, lambda id: self.song(id, owner))

    def _model(self, name: str, loaded: int) -> ModelRecord:
        from songbloom_x2.checkpoints.registry import MODELS

        known = MODELS.get(name)
        about = "" if known is None else known.about
        try:
            shape = self._shapes.shape(name)
        except CheckpointError as error:
            licence = "unknown" if known is None else known.licence
            return ModelRecord(name, about, licence, name == self._shapes.default, loaded, problem=str(error))
        return ModelRecord(
            name=name,
            about=about,
            licence=shape.config.licence if known is None else known.licence,
            default=name == self._shapes.default,
            loaded=loaded,
            shortest_seconds=shape.block_seconds,
            longest_seconds=min(shape.longest_seconds, self.limits.max_duration),
            block_seconds=shape.block_seconds,
            sample_rate=shape.config.sample_rate,
            styles=len(shape.styles),
            real_time_factor=self._staff.speed(name),
            kind=shape.config.kind,
            sampling=dataclasses.asdict(shape.config.sampling),
            told_tempo=shape.config.alignment is not None,
        )

    def _room_after(self) -> float:
        """How long a full queue is likely to take until there is room for one more."""
        queued, running, seconds = self._queue.counts()
        speed = self._staff.speed(self.plan.model_name) or _GUESSED_FACTOR
        workers = max(len(self._staff.workers()), 1)
        return min(max(seconds * speed / max(queued + running, 1) / workers, 1.0), 3600.0)


def _own(given: int | None, general: int | None) -> int | None:
    return general if given is None else given


def _first_words(lyrics: str) -> str:
    """A title for a song that has none: the first words that are sung."""
    text = " ".join(lyrics.replace("]", "] ").split())
    words = [word for word in text.split(" ") if not word.startswith("[")]
    return " ".join(words[:6])[:60].rstrip(" ,.;:-") or "Instrumental"


def _fingerprint(kind: str, request: Mapping[str, Any], samples: int, priority: int) -> str:
    whole = json.dumps([kind, dict(request), samples, priority], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode()).hexdigest()


def _there(path: Path) -> Path:
    if not path.is_file():
        raise NotFoundError("this file is gone")
    return path


def _json_of(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"the song's files cannot be read: {error.strerror}") from error
    return found
