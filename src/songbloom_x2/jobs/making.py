"""One claimed job through the pipeline: its songs side by side, sound while they are made, files when they are whole.

Lives in worker processes only; this is where the model is.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from songbloom_x2.audio.files import read_audio
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.errors import CancelledError, StorageError, StyleError
from songbloom_x2.jobs.claims import Claim, ClaimedSong, Claims, StoredSong
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.live import LiveWriter
from songbloom_x2.jobs.peaks import peaks_json
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.requests import UPLOADED
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_files import save_song
from songbloom_x2.style_words import choose_by_words
from songbloom_x2.types import FloatArray, PreparedLyrics, Progress, Song, SongRequest, Style

AUDIO, MANIFEST, PEAKS = "song.flac", "song.json", "peaks.json"
_log = logging.getLogger(__name__)
T = TypeVar("T")

Stop = Callable[[], bool]
"""Whether the worker must stop; asked after each block."""

_PATIENCE_SECONDS = 120.0
"""How long the database may be away when a song is recorded."""
_TOLD_EVERY = 0.2
"""Seconds between two entries about progress; cancelling is looked for after every block."""


class StoppedError(CancelledError):
    """The worker shall stop: the job goes back to the queue."""


class JobMaking:
    """Makes the songs of one claim. ``stop`` is asked after each block."""

    def __init__(
        self, claim: Claim, claims: Claims, folder: DataFolder, pipeline: SongPipeline, plan: ServicePlan, stop: Stop
    ) -> None:
        """Nothing is made yet."""
        self._claim = claim
        self._claims = claims
        self._folder = folder
        self._pipeline = pipeline
        self._plan = plan
        self._stop = stop

    def run(self) -> Made:
        """Make and record what is missing.

        Raises ``CancelledError``, ``StoppedError``, ``ClaimLostError``, and what the pipeline raises.
        """
        missing = [song for song in self._claim.songs if not song.made]
        if not missing:
            return Made(0.0, 0.0, 0)
        request = song_request(self._claim.request)
        style = self._style(request)
        prepared = self._pipeline.prepare(request, len(self._claim.songs), style=style)
        chosen = [prepared[song.sample] for song in missing]
        started = time.perf_counter()
        seconds = 0.0
        with Telling(self._claim, self._claims, self._folder, missing, self._stop, self._pipeline) as telling:
            telling.expect([asked.blocks_expected for asked in chosen])
            for number, song in self._pipeline.make(chosen, telling, listener=telling):
                self._record(missing[number], song)
                seconds += song.waveform.seconds
        return Made(seconds, time.perf_counter() - started, chosen[0].sampling.steps)

    def _style(self, request: SongRequest) -> Style | None:
        """The style that a request names, never a path: an uploaded one by its id, else a name or words."""
        if request.style is None:
            return None
        if UPLOADED.fullmatch(request.style):
            file = self._folder.style_file(request.style)
            if not file.is_file():
                raise StyleError(f"style '{request.style}': is no longer there; upload it again")
            return self._pipeline.encode_style(file, request.style_start)
        named = {style.name: style for style in self._pipeline.named_styles}
        if request.style_start is not None:
            raise StyleError("style start: belongs to an uploaded style")
        if request.style in named:
            return named[request.style]
        if not named:
            raise StyleError(f"model '{self._claim.model}' comes without styles: upload one")
        return choose_by_words(request.style, named)

    def _record(self, claimed: ClaimedSong, song: Song) -> None:
        """The song's files, then its row; files that nobody may record are taken away again."""
        name = f"{claimed.id}.{self._claim.attempt}"
        output = self._plan.output

        def write(part: Path) -> None:
            scored = song.score is not None
            save_song(
                song,
                part / AUDIO,
                format="flac",
                loudness=output.loudness,
                true_peak_ceiling=output.true_peak_ceiling,
                timed_lyrics="words" if scored else None,
                melody=scored,
            )
            (part / PEAKS).write_text(peaks_json(read_audio(part / AUDIO)), encoding="utf-8")

        placed = self._folder.put_song(name, write)
        audio = placed / AUDIO
        manifest = json.loads((placed / MANIFEST).read_text(encoding="utf-8"))
        stored = StoredSong(
            folder=name,
            files=tuple(sorted(path.name for path in placed.iterdir())),
            seconds=song.waveform.seconds,
            sample_rate=song.waveform.sample_rate,
            sha256=file_sha256(audio),
            bytes=sum(path.stat().st_size for path in placed.iterdir()),
            style=(manifest["style"] or {}).get("name"),
        )
        recorded = False
        try:
            recorded = patiently(lambda: self._claims.record(self._claim, claimed.id, stored))
        finally:
            if not recorded:
                self._folder.remove_song(name)


@dataclass(frozen=True)
class Made:
    """What a job gave: seconds of song, seconds of work, diffusion steps (0: nothing had to be made)."""

    seconds: float
    spent: float
    steps: int


@dataclass
class Telling:
    """Listens to songs in the making: sound into files, progress into the database, cancelling out of it."""

    claim: Claim
    claims: Claims
    folder: DataFolder
    songs: Sequence[ClaimedSong]
    stop: Stop
    pipeline: SongPipeline
    _files: dict[int, LiveWriter] = field(default_factory=dict)
    _blocks: dict[int, Progress] = field(default_factory=dict)
    _expected: list[int] = field(default_factory=list)
    _told: float = 0.0

    def __enter__(self) -> Telling:
        """Nothing is open yet."""
        return self

    def __exit__(self, *_: object) -> None:
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
                self._files[song] = LiveWriter(path, self.pipeline.sample_rate, sound.shape[0])
            self._files[song].append(np.ascontiguousarray(sound))
        except OSError as error:
            raise StorageError(f"the sound cannot be kept: {error.strerror}") from error


def patiently(act: Callable[[], T], seconds: float = _PATIENCE_SECONDS) -> T:
    """Do something in the database, again and again while it is away: what was made shall not be lost for that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(StorageError):
            return act()
        time.sleep(1.0)
    return act()


def song_request(stored: Mapping[str, Any]) -> SongRequest:
    """A stored request as the pipeline takes it."""
    return SongRequest(**{name: value for name, value in stored.items() if name != "model"})
