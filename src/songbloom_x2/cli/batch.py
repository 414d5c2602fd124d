"""``songbloom generate --input-jsonl``: many songs from a list, taken up again where it was left."""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.interrupts import held_back
from songbloom_x2.cli.loading import load_pipeline
from songbloom_x2.cli.lora_flag import lora_choices
from songbloom_x2.cli.outputs import OutputFolders
from songbloom_x2.cli.progress import ProgressLines
from songbloom_x2.cli.song_flags import check_score_flags
from songbloom_x2.cli.song_list import ListedSong, RefusedLine, read_song_list
from songbloom_x2.errors import AudioError, ConfigError, SongBloomError

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.settings.resolve import Settings
    from songbloom_x2.song_making import PreparedSong
    from songbloom_x2.types import SongRequest

FAILED = 1
_ALONE = (("lyrics", "the list has the words"), ("out", "the list's idx names the files"), ("title", "it is the idx"))


def run_batch(args: argparse.Namespace, settings: Settings, asked: SongRequest) -> int:
    """Make the songs of the list; ``asked`` is what all of them share. 1 where a line made no song."""
    if args.input_jsonl is None or args.output_dir is None:
        raise ConfigError("--input-jsonl and --output-dir belong together: name the list and the folder for its songs")
    for name, why in _ALONE:
        if getattr(args, name, None) is not None:
            raise ConfigError(f"--{name} does not go with --input-jsonl: {why}")
    entries = read_song_list(args.input_jsonl)
    with OutputFolders([args.output_dir]) as folders:
        batch = Batch(args, settings, asked)
        try:
            if settings["jobs.executor"] == "ray":
                from songbloom_x2.cli.batch_ray import run_on_ray

                run_on_ray(batch, entries)
            else:
                batch.run(entries)
        finally:
            batch.report(as_json=args.json)
        if not batch.songs and not batch.skipped:
            folders.take_away()
    return FAILED if batch.refused else 0


@dataclass(frozen=True)
class _Take:
    """One song of one line."""

    entry: ListedSong
    path: Path
    prepared: PreparedSong


@dataclass
class Batch:
    """The songs of a list; what was made, was there already, and could not be."""

    args: argparse.Namespace
    settings: Settings
    asked: SongRequest
    songs: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nothing is loaded yet."""
        self._lines = ProgressLines(self.args.n)
        self._pipeline: SongPipeline | None = None

    def run(self, entries: list[ListedSong | RefusedLine]) -> None:
        """Go through the list; songs are made as soon as a batch is full."""
        self.refused += [entry for entry in entries if isinstance(entry, RefusedLine)]
        listed = [entry for entry in entries if isinstance(entry, ListedSong)]
        if not listed:
            return
        if self._pipeline is None:
            self._pipeline = load_pipeline(self.settings, explain=self.args.explain, loras=lora_choices(self.args.lora))
            check_score_flags(self.args, self._pipeline.config)
        pipeline = self._pipeline
        waiting: list[_Take] = []
        for entry in listed:
            waiting += self._unfinished(entry, pipeline)
            while len(waiting) >= self.settings["runtime.batch_size"]:
                size = self.settings["runtime.batch_size"]
                self._make(waiting[:size], pipeline)
                waiting = waiting[size:]
        if waiting:
            self._make(waiting, pipeline)

    def report(self, *, as_json: bool) -> None:
        """What was made, skipped and refused."""
        for line in sorted(self.refused, key=lambda refused: refused.line):
            named = f" (idx '{line.idx}')" if line.idx is not None else ""
            self._lines.line(f"songbloom: {self.args.input_jsonl}, line {line.line}{named}: {line.reason}")
        counts = f"{len(self.songs)} made, {len(self.skipped)} skipped as finished"
        self._lines.line(f"{self.args.output_dir}: {counts}, {len({line.line for line in self.refused})} lines refused")
        if as_json:
            refused = [dataclasses.asdict(line) for line in self.refused]
            print(json.dumps({"songs": self.songs, "skipped": self.skipped, "refused": refused}, ensure_ascii=False))

    def _unfinished(self, entry: ListedSong, pipeline: SongPipeline) -> list[_Take]:
        """The line's songs that are not there yet; none, and the line noted, where it cannot be served."""
        if entry.ignored:
            self._lines.line(f"warning: line {entry.line}: {', '.join(entry.ignored)}: means nothing here")
        request = dataclasses.replace(
            self.asked, lyrics=entry.lyrics, style=self._style(entry, pipeline), title=entry.idx
        )
        missing = [take for take in range(self.args.n) if not self._finished(entry, take, request, pipeline)]
        if not missing:
            return []
        try:
            prepared = pipeline.prepare(request, self.args.n)
        except SongBloomError as error:
            self._refuse(entry, error)
            return []
        return [_Take(entry, self._path(entry, take), prepared[take]) for take in missing]

    def _finished(self, entry: ListedSong, take: int, request: SongRequest, pipeline: SongPipeline) -> bool:
        from songbloom_x2.cli.finished import why_unfinished

        path = self._path(entry, take)
        wanted = dataclasses.replace(request, seed=request.seed + take)
        why = why_unfinished(path, wanted, pipeline.description, self._format)
        if not why:
            self.skipped.append(str(path))
            self._lines.line(f"{path}: finished already, skipped")
        elif why != "not there":
            self._lines.line(f"{path}: {why}; it is made again")
        return not why

    def _make(self, takes: list[_Take], pipeline: SongPipeline) -> None:
        made: set[int] = set()
        # Each batch its own: warnings are told once a song, and numbered within what is being made.
        self._lines = ProgressLines(len(takes))
        self._lines.line(f"making {', '.join(take.path.name for take in takes)}")
        try:
            for number, song in pipeline.make([take.prepared for take in takes], self._lines):
                self._save(takes[number], song)
                made.add(number)
        except AudioError:
            # A song that cannot be written: neither can the next.
            raise
        except SongBloomError as error:
            for number, take in enumerate(takes):
                if number not in made:
                    self._refuse(take.entry, error)

    def _save(self, take: _Take, song: Any) -> None:
        from songbloom_x2.song_files import save_song

        with held_back():
            saved = save_song(
                song,
                take.path,
                format=self._format,
                loudness=self.settings["output.loudness"],
                true_peak_ceiling=self.settings["output.true_peak_ceiling"],
                timed_lyrics=self.args.lrc,
                melody=self.args.midi,
            )
        result = saved.manifest["result"]
        self._lines.line(f"{saved.audio}: {result['seconds']:.1f} s, seed {saved.manifest['seed']}")
        self.songs.append(
            {
                "line": take.entry.line,
                "idx": take.entry.idx,
                "file": str(saved.audio),
                "manifest": str(saved.manifest_path),
                "seed": saved.manifest["seed"],
                "seconds": result["seconds"],
                "samples_sha256": result["samples_sha256"],
            }
        )

    def tell(self, line: str) -> None:
        """A line for who watches."""
        self._lines.line(line)

    def _refuse(self, entry: ListedSong, error: SongBloomError) -> None:
        self.refused.append(RefusedLine(entry.line, entry.idx, " ".join(str(error).split())))

    def _style(self, entry: ListedSong, pipeline: SongPipeline) -> str | None:
        """A style that comes with the model by its name; anything else is a file, relative to the list."""
        if entry.prompt_wav is None:
            return self.asked.style
        if entry.prompt_wav in pipeline.styles:
            return entry.prompt_wav
        return str(self.args.input_jsonl.parent / entry.prompt_wav)

    def _path(self, entry: ListedSong, take: int) -> Path:
        folder: Path = self.args.output_dir
        return folder / f"{entry.idx}_s{take}.{self._format}"

    @property
    def _format(self) -> str:
        name: str = self.settings["output.format"]
        return name
