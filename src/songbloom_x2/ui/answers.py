"""What the page's JavaScript may ask of the server: a table of names, each answered by the ``JobService``.

Refusals go back as ``{"error": ...}`` in one line; ``asked`` never raises on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from songbloom_x2.config import INSTRUMENTAL_SECONDS
from songbloom_x2.errors import ConfigError, NotFoundError, SongBloomError
from songbloom_x2.jobs.records import Job, Owner, SongRecord
from songbloom_x2.jobs.service import KINDS, JobService
from songbloom_x2.ui.options import options_json
from songbloom_x2.ui.sung_lines import heard_words, sung_lines

JOBS_SHOWN = 40
"""The newest jobs that the page is told of."""
_SONGS_A_PAGE = 40
_NEW = ("generate", "interpolate")
"""Kinds of jobs that the page asks for with lyrics of their own."""

Arguments = Mapping[str, Any]


class Answers:
    """Bound to one service; every answer is what ``owner`` may see, as plain JSON values."""

    def __init__(self, service: JobService) -> None:
        """Nothing is asked yet."""
        self._service = service
        self._table: dict[str, Callable[[Arguments, Owner], Any]] = {
            "state": self._state,
            "create": self._create,
            "cancel": lambda args, owner: job_json(service.cancel(_text(args, "id"), owner)),
            "songs": self._songs,
            "song": self._song,
            "rename": lambda args, owner: song_json(service.rename(_text(args, "id"), owner, _text(args, "title"))),
            "favourite": lambda args, owner: song_json(
                service.favourite(_text(args, "id"), owner, bool(args.get("favourite")))
            ),
            "delete": lambda args, owner: song_json(service.delete(_text(args, "id"), owner)),
            "undelete": lambda args, owner: song_json(service.undelete(_text(args, "id"), owner)),
            "styles": lambda args, owner: [asdict(style) for style in service.styles(owner)],
            "delete_style": lambda args, owner: service.delete_style(_text(args, "id"), owner),
            "check_lyrics": self._check_lyrics,
            "clean_lyrics": self._clean_lyrics,
            "estimate": self._estimate,
            "models": self._models,
            "load_model": lambda args, owner: service.load_model(_text(args, "name")),
            "unload_model": lambda args, owner: service.unload_model(_text(args, "name")),
        }

    def asked(self, name: object, args: object, owner: Owner) -> dict[str, Any]:
        """``{"value": ...}``, or ``{"error": one line}`` where the service refuses."""
        answer = self._table.get(name) if isinstance(name, str) else None
        if answer is None or not isinstance(args, Mapping):
            return {"error": "this page is of another version than the server: load it again"}
        try:
            return {"value": answer(args, owner)}
        except SongBloomError as error:
            return {"error": str(error)}

    def jobs(self, owner: Owner) -> list[dict[str, Any]]:
        """The newest jobs."""
        return [job_json(job) for job in self._service.jobs(owner, limit=JOBS_SHOWN)]

    def health(self) -> dict[str, Any]:
        """Whether songs can be made now; memory in steps of 10 MB, so that it is not news all the time."""
        health = asdict(self._service.health())
        for worker in health["workers"]:
            if worker["memory"] is not None:
                worker["memory"] = round(worker["memory"], -7)
        return health

    def _state(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        return {
            "options": options_json(self._service.limits, self._service.plan.runtime),
            "limits": asdict(self._service.limits),
            "kinds": list(KINDS),
            "instrumental_seconds": INSTRUMENTAL_SECONDS,
            "styles": [asdict(style) for style in self._service.styles(owner)],
            "jobs": self.jobs(owner),
            **self._models(args, owner),
        }

    def _create(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        samples = args.get("samples") or 1
        if not isinstance(samples, int):
            raise ConfigError(f"samples {samples}: must be a whole number")
        kind, request = _text(args, "kind"), _mapping(args, "request")
        if kind in _NEW and not request.get("instrumental"):
            # What cannot be sung is said beside the button, not by a job that fails.
            self._service.check_lyrics(_text(request, "lyrics"), request.get("model"))
        return job_json(self._service.submit(kind, request, owner, samples=samples))

    def _songs(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        found = self._service.songs(
            owner,
            search=args.get("search"),
            favourite=args.get("favourite"),
            before=args.get("before"),
            limit=_SONGS_A_PAGE + 1,
        )
        return {"songs": [song_json(song) for song in found[:_SONGS_A_PAGE]], "more": len(found) > _SONGS_A_PAGE}

    def _song(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        record = self._service.song(_text(args, "id"), owner)
        manifest = self._service.manifest(record.id, owner)
        request = dict(self._service.job(record.job, owner).request)
        request["seed"] = record.seed
        try:
            words = heard_words(self._service.song_file(record.id, owner, "lrc").read_text(encoding="utf-8"))
        except NotFoundError:
            words = []
        return {
            "song": song_json(record),
            "request": request,
            "kind": record.kind,
            "lines": [asdict(line) for line in sung_lines(record.lyrics, words)],
            "manifest": {name: manifest.get(name) for name in ("sampling", "plan", "style", "timings", "model")},
        }

    def _check_lyrics(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        report = self._service.check_lyrics(_text(args, "text"), args.get("model"), args.get("duration"))
        return {
            "sections": [asdict(section) for section in report.sections],
            "findings": [asdict(finding) for finding in report.prepared.findings],
            "estimated_seconds": report.prepared.estimated_seconds,
        }

    def _clean_lyrics(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        return {"text": self._service.clean_lyrics(_text(args, "text"), args.get("model"))}

    def _estimate(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        kind, request, samples = _text(args, "kind"), _mapping(args, "request"), args.get("samples") or 1
        return {"seconds": self._service.estimate(request, samples=samples, kind=kind, owner=owner)}

    def _models(self, args: Arguments, owner: Owner) -> dict[str, Any]:
        return {
            "models": [asdict(model) for model in self._service.models()],
            "health": self.health(),
            "machine": {"plan": self._plan(owner)},
        }

    def _plan(self, owner: Owner) -> list[dict[str, Any]]:
        """What was chosen for this machine, as the newest song was made: setting, value and why."""
        for song in self._service.songs(owner, limit=1):
            choices = self._service.manifest(song.id, owner).get("plan", {}).get("choices", [])
            return [{"name": one["setting"], "value": one["value"], "why": one["reason"]} for one in choices]
        return []


def job_json(job: Job) -> dict[str, Any]:
    """A job as plain values."""
    return {name: value for name, value in asdict(job).items() if name != "owner"}


def song_json(song: SongRecord) -> dict[str, Any]:
    """A song as plain values."""
    return {name: value for name, value in asdict(song).items() if name != "owner"}


def _text(args: Arguments, name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str):
        raise ConfigError(f"{name}: must be text")
    return value


def _mapping(args: Arguments, name: str) -> Mapping[str, Any]:
    value = args.get(name)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name}: must be an object")
    return value
