"""One claimed job through the pipeline: its songs side by side, or one after the other where they change a song.

Lives in worker processes only; this is where the model is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from songbloom_x2.errors import NotFoundError, SongBloomError, StyleError
from songbloom_x2.jobs.claims import Claim, ClaimedSong, Claims
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.library import SongLibrary
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.recording import AUDIO, record_song
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.requests import UPLOADED
from songbloom_x2.jobs.telling import Stop, Telling
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_stream import SongStream
from songbloom_x2.style_words import choose_by_words
from songbloom_x2.types import ExtendRequest, RepaintRequest, Song, SongRequest, Style


@dataclass(frozen=True)
class Made:
    """What a job gave: seconds of song, seconds of work, diffusion steps (0: nothing that tells the model's speed)."""

    seconds: float
    spent: float
    steps: int


class JobMaking:
    """Makes the songs of one claim. ``stop`` is asked after each block."""

    def __init__(
        self,
        claim: Claim,
        claims: Claims,
        library: SongLibrary,
        folder: DataFolder,
        pipeline: SongPipeline,
        plan: ServicePlan,
        stop: Stop,
    ) -> None:
        """Nothing is made yet."""
        self._claim = claim
        self._claims = claims
        self._library = library
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
        rate = self._pipeline.sample_rate
        with Telling(self._claim, self._claims, self._folder, missing, self._stop, rate) as telling:
            return self._new(missing, telling) if self._claim.kind == "generate" else self._changed(missing, telling)

    def _new(self, missing: Sequence[ClaimedSong], telling: Telling) -> Made:
        """Songs of a ``generate`` job, side by side."""
        request = SongRequest(**_without(self._claim.request, "model"))
        style = self._style(request.style, request.style_start)
        prepared = self._pipeline.prepare(request, len(self._claim.songs), style=style)
        chosen = [prepared[song.sample] for song in missing]
        telling.expect([asked.blocks_expected for asked in chosen])
        started, seconds = time.perf_counter(), 0.0
        for number, song in self._pipeline.make(chosen, telling, listener=telling):
            self._record(missing[number], song)
            seconds += song.waveform.seconds
        return Made(seconds, time.perf_counter() - started, chosen[0].sampling.steps)

    def _changed(self, missing: Sequence[ClaimedSong], telling: Telling) -> Made:
        """Songs that start from another, one after the other."""
        telling.expect([1] * len(missing))
        for number, claimed in enumerate(missing):
            stream = self._stream(claimed)
            try:
                for progress, sound in stream:
                    telling.progressed(number, progress)
                    telling.heard(number, sound)
            finally:
                stream.close()
            self._record(claimed, stream.song)
        return Made(0.0, 0.0, 0)

    def _stream(self, claimed: ClaimedSong) -> SongStream:
        request = dict(_without(self._claim.request, "model"))
        request |= {"song": self._source(request["song"]), "seed": claimed.seed, "style": self._named(request["style"])}
        if self._claim.kind == "extend":
            return self._pipeline.extend(ExtendRequest(**request))
        if self._claim.kind == "repaint":
            return self._pipeline.repaint(RepaintRequest(**request))
        raise SongBloomError(f"job type '{self._claim.kind}' is not known to this worker; it is of another version")

    def _source(self, song: str) -> str:
        """The file of the song that a request starts from."""
        try:
            shelved = self._library.song(song, LOCAL, deleted=True)
        except NotFoundError:
            raise NotFoundError(f"song {song}: is no longer there") from None
        return str(self._folder.song_folder(shelved.folder) / AUDIO)

    def _named(self, style: str | None) -> str | None:
        """A style as the pipeline takes it in a request: the file of an uploaded one, or an exact name."""
        if style is None:
            return None
        if UPLOADED.fullmatch(style):
            return str(self._uploaded(style))
        found = self._style(style, None)
        return None if found is None else found.name

    def _style(self, style: str | None, start: float | None) -> Style | None:
        """The style that a request names, never a path: an uploaded one by its id, else a name or words."""
        if style is None:
            return None
        if UPLOADED.fullmatch(style):
            return self._pipeline.encode_style(self._uploaded(style), start)
        named = {known.name: known for known in self._pipeline.named_styles}
        if start is not None:
            raise StyleError("style start: belongs to an uploaded style")
        if style in named:
            return named[style]
        if not named:
            raise StyleError(f"model '{self._claim.model}' comes without styles: upload one")
        return choose_by_words(style, named)

    def _uploaded(self, style: str) -> Any:
        file = self._folder.style_file(style)
        if not file.is_file():
            raise StyleError(f"style '{style}': is no longer there; upload it again")
        return file

    def _record(self, claimed: ClaimedSong, song: Song) -> None:
        record_song(self._claim, self._claims, claimed, song, self._folder, self._plan.output)


def _without(stored: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key != name}
