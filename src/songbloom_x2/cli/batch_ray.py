"""``songbloom generate --input-jsonl --executor ray``: the lines of a list, each made by one of several actors.

What an actor finished is on the disk: a line whose actor was lost is given to another, which skips what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.batch import Batch
from songbloom_x2.cli.song_list import ListedSong, RefusedLine
from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.jobs.executors.ray import join_cluster

if TYPE_CHECKING:
    from songbloom_x2.settings.resolve import Settings
    from songbloom_x2.types import SongRequest

_ATTEMPTS = 3


class LineMaker:
    """The actor: a model that makes one line after the other."""

    def __init__(self, args: argparse.Namespace, settings: Settings, asked: SongRequest) -> None:
        """Loads the model with the first line."""
        self._batch = Batch(args, settings, asked)

    def make(self, entry: ListedSong) -> tuple[list[dict[str, Any]], list[str], list[RefusedLine]]:
        """Songs made, songs that were there, refusals of this line."""
        batch = self._batch
        batch.songs, batch.skipped, batch.refused = [], [], []
        batch.run([entry])
        return batch.songs, batch.skipped, batch.refused


@dataclass
class _Line:
    entry: ListedSong
    attempts: int = 0


def run_on_ray(batch: Batch, entries: Sequence[ListedSong | RefusedLine]) -> None:
    """Go through the list with up to ``jobs.max_replicas`` actors; the outcome is ``batch``'s.

    Raises ``ConfigError`` for a cluster that cannot be reached, and what making a song raises.
    """
    settings = batch.settings
    replicas = settings["jobs.max_replicas"]
    if replicas < 1:
        raise ConfigError(f"--max-replicas {replicas}: must be at least 1")
    batch.refused += [entry for entry in entries if isinstance(entry, RefusedLine)]
    waiting = deque(_Line(entry) for entry in entries if isinstance(entry, ListedSong))
    if not waiting:
        return
    # Ray tells of lost workers on stdout, where the result belongs.
    with contextlib.redirect_stdout(sys.stderr):
        ray = join_cluster(settings["jobs.ray_address"])
        try:
            _Lines(ray, batch, waiting).run(min(replicas, len(waiting)))
        finally:
            ray.shutdown()


class _Lines:
    """Lines on their way through the actors."""

    def __init__(self, ray: Any, batch: Batch, waiting: deque[_Line]) -> None:
        self._ray = ray
        self._batch = batch
        self._waiting = waiting
        kind = ray.remote(LineMaker).options(num_gpus=batch.settings["jobs.gpus_per_replica"], max_restarts=0)
        self._kind = kind

    def run(self, replicas: int) -> None:
        """Until every line is settled."""
        free = [self._new() for _ in range(replicas)]
        working: dict[Any, tuple[Any, _Line]] = {}
        while self._waiting or working:
            while free and self._waiting:
                actor, line = free.pop(), self._waiting.popleft()
                line.attempts += 1
                working[actor.make.remote(line.entry)] = (actor, line)
            (done,), _ = self._ray.wait(list(working), num_returns=1)
            actor, line = working.pop(done)
            free.append(self._taken(done, actor, line))

    def _new(self) -> Any:
        return self._kind.remote(self._batch.args, self._batch.settings, self._batch.asked)

    def _taken(self, done: Any, actor: Any, line: _Line) -> Any:
        """Note what became of a line; gives the actor that may have the next."""
        try:
            songs, skipped, refused = self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            # What making it raised, as it would have been raised here.
            if isinstance(error.cause, SongBloomError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            self._batch.tell(f"line {line.entry.line}: its worker was lost ({type(error).__name__})")
            if line.attempts < _ATTEMPTS:
                self._waiting.append(line)
            else:
                reason = f"given up after {line.attempts} attempts: its worker was lost each time"
                self._batch.refused.append(RefusedLine(line.entry.line, line.entry.idx, reason))
            return self._new()
        for song in songs:
            self._batch.tell(f"{song['file']}: {song['seconds']:.1f} s, seed {song['seed']}")
        self._batch.songs += songs
        self._batch.skipped += skipped
        self._batch.refused += refused
        return actor
