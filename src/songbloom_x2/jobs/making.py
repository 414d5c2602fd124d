"""One claimed job through the pipeline: its songs side by side, or one after the other where they change a song.

Lives in worker processes only; this is where the model is.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from songbloom_x2.errors import NotFoundError, SongBloomError
from songbloom_x2.jobs.claims import Claim, ClaimedSong, Claims
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.library import SongLibrary
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.recording import AUDIO, record_song
from songbloom_x2.jobs.records import LOCAL
from songbloom_x2.jobs.request_fields import NEW_SONGS
from songbloom_x2.jobs.requests import mixes_of, song_request
from songbloom_x2.jobs.style_lookup import StyleLookup
from songbloom_x2.jobs.telling import Stop, Telling
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.song_making import PreparedSong
from songbloom_x2.song_stream import SongStream
from songbloom_x2.style_mixes import written_mix
from songbloom_x2.types import ExtendRequest, RepaintRequest, Song, VariationRequest


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
        self._styles = StyleLookup(pipeline, folder)
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
            return self._new(missing, telling) if self._claim.kind in NEW_SONGS else self._changed(missing, telling)

    def _new(self, missing: Sequence[ClaimedSong], telling: Telling) -> Made:
        """Songs that start from nothing, side by side."""
        prepared = self._prepared()
        chosen = [prepared[song.sample] for song in missing]
        telling.expect([asked.blocks_expected for asked in chosen])
        started, seconds = time.perf_counter(), 0.0
        for number, song in self._pipeline.make(chosen, telling, listener=telling):
            self._record(missing[number], song)
            seconds += song.waveform.seconds
        return Made(seconds, time.perf_counter() - started, chosen[0].sampling.steps)

    def _prepared(self) -> list[PreparedSong]:
        """Every song of the job, in order."""
        kind, stored, count = self._claim.kind, self._claim.request, len(self._claim.songs)
        if kind == "generate":
            request = song_request(stored, stored["style"])
            style = None if request.style is None else self._styles.style(request.style, request.style_start)
            return self._pipeline.prepare(request, count, style=style)
        mixes = [
            (song_request(stored, written_mix(mix.parts)), self._styles.mixed(mix)) for mix in mixes_of(kind, stored)
        ]
        if kind == "mix":
            ((request, style),) = mixes
            return self._pipeline.prepare(request, count, style=style)
        return [self._pipeline.prepare(request, style=style)[0] for request, style in mixes]

    def _changed(self, missing: Sequence[ClaimedSong], telling: Telling) -> Made:
        """Songs that start from another, one after the other."""
        telling.expect([1] * len(missing))
        for number, claimed in enumerate(missing):
            stream, hidden = self._stream(claimed)
            try:
                for progress, sound in stream:
                    telling.progressed(number, progress)
                    telling.heard(number, sound)
            finally:
                stream.close()
            song = stream.song
            self._record(claimed, dataclasses.replace(song, manifest=_renamed(song.manifest, hidden)))
        return Made(0.0, 0.0, 0)

    def _stream(self, claimed: ClaimedSong) -> tuple[SongStream, dict[str, str]]:
        """The song while it is made; and the paths in its request, with what clients know them by."""
        kind, asked = self._claim.kind, dict(_without(self._claim.request, "model"))
        request = {**asked, "song": self._source(asked["song"]), "seed": claimed.seed}
        hidden = {request["song"]: asked["song"]}
        if kind == "variations":
            return self._pipeline.vary(VariationRequest(**request)), hidden
        if asked["style"] is not None:
            request["style"] = self._styles.exact(asked["style"])
            hidden[request["style"]] = asked["style"]
        if kind == "extend":
            return self._pipeline.extend(ExtendRequest(**request)), hidden
        if kind == "repaint":
            return self._pipeline.repaint(RepaintRequest(**request)), hidden
        raise SongBloomError(f"job type '{kind}' is not known to this worker; it is of another version")

    def _source(self, song: str) -> str:
        """The file of the song that a request starts from."""
        try:
            shelved = self._library.song(song, LOCAL, deleted=True)
        except NotFoundError:
            raise NotFoundError(f"song {song}: is no longer there") from None
        return str(self._folder.song_folder(shelved.folder) / AUDIO)

    def _record(self, claimed: ClaimedSong, song: Song) -> None:
        record_song(self._claim, self._claims, claimed, song, self._folder, self._plan.output)


def _without(stored: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key != name}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A JSON value in which every text that is one of ``names`` is replaced: where files lie is nobody's business."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {key: _renamed(part, names) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(part, names) for part in value]
    return value
