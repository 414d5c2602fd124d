"""Makes a corpus folder: shards of songs over several processes, resumable, the same for the same seed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.train.corpus.record import SongRecord, shard_stems, write_shard
from songbloom_x2.train.corpus.song import Studio

SEEDS_A_CORPUS = 1_000_000
"""Song ``i`` of the corpus with seed ``s`` has the seed ``s * SEEDS_A_CORPUS + i``."""


@dataclass(frozen=True)
class CorpusConfig:
    """A corpus: so many ``songs`` from ``seed``, ``shard_songs`` a file, band stems kept for the first ``stems``
    songs.
    """

    songs: int
    seed: int = 1
    shard_songs: int = 40
    stems: int | None = None
    held_out: bool = False
    """Only lyric lines that no other corpus has."""
    voices_only: bool = False
    """No band is played."""


@dataclass(frozen=True)
class ShardJob:
    """One shard to make."""

    config: CorpusConfig
    folder: Path
    cache: Path
    soundfonts: tuple[Path, ...]
    index: int

    @property
    def stem(self) -> Path:
        """The shard's path without suffix."""
        return self.folder / f"shard-{self.index:05d}"

    @property
    def songs(self) -> range:
        """Numbers of its songs in the corpus."""
        first = self.index * self.config.shard_songs
        return range(first, min(first + self.config.shard_songs, self.config.songs))


def _make_shards(jobs: Sequence[ShardJob]) -> Iterator[tuple[int, float]]:
    """Make the shards in this process, loading the studio once; (index, seconds of song) each."""
    if not jobs:
        return
    first = jobs[0]
    alone = first.config.voices_only
    studio = Studio(first.cache, () if alone else first.soundfonts, held_out=first.config.held_out)
    for job in jobs:
        songs: list[SongRecord] = []
        for number in job.songs:
            seed = job.config.seed * SEEDS_A_CORPUS + number
            song = studio.sing(seed) if alone else studio.make(seed)
            stems = job.config.stems
            keep = stems is None or number < stems
            songs.append(song if keep else SongRecord(song.annotation, song.voice, None))
        write_shard(job.stem, songs)
        yield job.index, sum(song.annotation.seconds for song in songs)


def generate(
    folder: Path,
    config: CorpusConfig,
    *,
    cache: Path,
    soundfonts: Sequence[Path],
    workers: int = 1,
    report: Callable[[str], None] = print,
) -> None:
    """Make what is missing of the corpus in ``folder``.

    Raises ``ConfigError`` where the folder holds a corpus of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _settle(folder, config, soundfonts)
    shards = -(-config.songs // config.shard_songs)
    present = {stem.name for stem in shard_stems(folder)}
    jobs = [ShardJob(config, folder, cache, tuple(soundfonts), index) for index in range(shards)]
    todo = [job for job in jobs if job.stem.name not in present]
    report(f"{shards} shards, {shards - len(todo)} already there")
    begin, seconds = time.monotonic(), 0.0
    for done, (index, length) in enumerate(_run(todo, workers), 1):
        seconds += length
        speed = seconds / max(time.monotonic() - begin, 1e-9)
        made = f"{done} of {len(todo)}, {seconds / 3600:.2f} h at {speed:.0f} x real time"
        report(f"shard {index}: {length / 60:.1f} min; {made}")


def _run(jobs: Sequence[ShardJob], workers: int) -> Iterator[tuple[int, float]]:
    if workers <= 1 or len(jobs) <= 1:
        yield from _make_shards(jobs)
        return
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[tuple[int, float]] = context.Queue()
    shares = [jobs[at::workers] for at in range(workers)]
    processes = [context.Process(target=_work, args=(share, results), daemon=True) for share in shares if share]
    for process in processes:
        process.start()
    try:
        for _ in jobs:
            yield _next(results, processes)
    finally:
        for process in processes:
            process.terminate()


def _next(results: multiprocessing.Queue[tuple[int, float]], processes: Sequence[BaseProcess]) -> tuple[int, float]:
    """What comes next out of ``results``.

    Raises ``SongBloomError`` where a process died instead.
    """
    while True:
        if not results.empty() or all(process.exitcode is None for process in processes):
            with contextlib.suppress(queue.Empty):
                return results.get(timeout=2)
        elif any(process.exitcode for process in processes):
            raise SongBloomError("a worker of the corpus died; see its message above, then run the command again")
        else:
            time.sleep(0.1)


def _work(jobs: Sequence[ShardJob], results: multiprocessing.Queue[tuple[int, float]]) -> None:
    for made in _make_shards(jobs):
        results.put(made)


def _settle(folder: Path, config: CorpusConfig, soundfonts: Sequence[Path]) -> None:
    """Write the settings, or check that the folder was begun with the same; it may only grow."""
    path = folder / "corpus.json"
    fixed = {**asdict(config), "soundfonts": [font.name for font in soundfonts], "format": 1}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        # Folders from before this setting.
        before.setdefault("voices_only", False)
        for name, value in fixed.items():
            if name != "songs" and before.get(name) != value:
                raise ConfigError(
                    f"{folder} was begun with {name} = {before.get(name)}, not {value}: choose another folder"
                )
        if before["songs"] % config.shard_songs and before["songs"] != config.songs:
            raise ConfigError(f"{folder} ends in a short shard and cannot grow: choose another folder")
    path.write_text(json.dumps(fixed, indent=1), encoding="utf-8")
