"""One claimed job through the pipeline: what its songs are, and how those are made that nothing else is made beside.

Lives in worker processes only; this is where the model is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
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
        self.claim = claim
        self.missing: Sequence[ClaimedSong] = [song for song in claim.songs if not song.made]
        """The songs that no earlier attempt recorded."""
        self.telling = Telling(claim, claims, folder, self.missing, stop, pipeline.sample_rate)
        """What is told of them, by their places among the missing."""
        self._claims = claims
        self._library = library
        self._folder = folder
        self._pipeline = pipeline
        self._styles = StyleLookup(pipeline, folder)
        self._plan = plan

    @property
    def new(self) -> bool:
        """Whether its songs start from nothing."""
        return self.claim.kind in NEW_SONGS

    def prepare(self) -> list[PreparedSong]:
        """The missing songs, ready to be made, where they start from nothing. Raises what the pipeline raises."""
        prepared = self._prepared()
        chosen = [prepared[song.sample] for song in self.missing]
        self.telling.expect([asked.blocks_expected for asked in chosen])
        return chosen

    def run(self, prepared: Sequence[PreparedSong] = ()) -> None:
        """Make and record what is missing, with nothing else beside it; ``prepared``: what ``prepare`` gave.

        Raises ``CancelledError``, ``StoppedError``, ``ClaimLostError``, and what the pipeline raises.
        """
        try:
            for number, song in self._pipeline.make(prepared, self.telling, listener=self.telling):
                self.record(number, song)
            if not self.new:
                self._changed()
        finally:
            self.telling.close()

    def record(self, number: int, song: Song) -> None:
        """Keep and record one of the missing songs. Raises ``StorageError`` and ``ClaimLostError``."""
        record_song(self.claim, self._claims, self.missing[number], song, self._folder, self._plan.output)

    def _prepared(self) -> list[PreparedSong]:
        """Every song of the job, in order."""
        kind, stored, count = self.claim.kind, self.claim.request, len(self.claim.songs)
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

    def _changed(self) -> None:
        """Songs that start from another, one after the other."""
        self.telling.expect([1] * len(self.missing))
        for number, claimed in enumerate(self.missing):
            stream, hidden = self._stream(claimed)
            try:
                for progress, sound in stream:
                    self.telling.progressed(number, progress)
                    self.telling.heard(number, sound)
            finally:
                stream.close()
            song = stream.song
            self.record(number, dataclasses.replace(song, manifest=_renamed(song.manifest, hidden)))

    def _stream(self, claimed: ClaimedSong) -> tuple[SongStream, dict[str, str]]:
        """The song while it is made; and the paths in its request, with what clients know them by."""
        kind, asked = self.claim.kind, dict(_without(self.claim.request, "model"))
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
