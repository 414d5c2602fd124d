"""The door: lyrics, a style and a seed in; songs out, whole or while they are being made.

Joins checkpoints, text, conditioning, engine and codec. Knows nothing of terminals, servers or output files.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from songbloom_x2.checkpoints.load import LoadedModel, load_model, stored_quantisation
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.edits.best import MOST as MOST_TAKES
from songbloom_x2.edits.best import best_of
from songbloom_x2.edits.extend import extension
from songbloom_x2.edits.foreign import foreign_extension, foreign_repainting
from songbloom_x2.edits.interpolate import steps_between
from songbloom_x2.edits.parents import open_parent
from songbloom_x2.edits.repaint import repainting
from songbloom_x2.edits.stems import stems
from songbloom_x2.edits.vary import variation
from songbloom_x2.errors import CheckpointError, ConfigError, LyricsError, SongBloomError, StyleError
from songbloom_x2.evaluate.transcribe import Hears
from songbloom_x2.recognise.recogniser import SketchRecogniser, load_recogniser, shipped_recogniser
from songbloom_x2.request_checks import (
    LARGEST_SEED,
    MOST_SONGS,
    asked_seconds,
    check_request,
    requested_sampling,
)
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.memory import Fitted
from songbloom_x2.runtime.plan import RuntimePlan, resolve
from songbloom_x2.song_making import DECODE_FRAMES, PreparedSong, SongMaking, are_takes
from songbloom_x2.song_stream import SongStream
from songbloom_x2.style_shelf import StyleShelf, in_tempo_and_key
from songbloom_x2.text.instrumental import instrumental_lyrics
from songbloom_x2.text.outro import with_outro
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.together import SongsTogether
from songbloom_x2.types import (
    ExtendRequest,
    FloatArray,
    InterpolateRequest,
    LoraChoice,
    PreparedLyrics,
    Progress,
    RepaintRequest,
    Song,
    SongRequest,
    Style,
    StyleMix,
    VariationRequest,
    Waveform,
)
from songbloom_x2.workshop import EMPTY, Workshop


class Observer(Protocol):
    """Who wants to know how songs get on. ``song`` counts from 0 over all songs of one call."""

    def prepared(self, song: int, lyrics: PreparedLyrics) -> None:
        """The lyrics are read, with their findings; nothing is made yet."""

    def styled(self, song: int, style: Style | None) -> None:
        """The style is chosen: the one asked for, or one that comes with the model, turned to by the seed."""

    def progressed(self, song: int, progress: Progress) -> None:
        """A block more."""


class Listener(Protocol):
    """Who wants the sound of songs while they are being made. ``song`` counts as for ``Observer``."""

    def heard(self, song: int, sound: FloatArray) -> None:
        """Sound ``[C, n]`` that became certain (``n`` may be 0): after each block, and the rest at the end.

        Raising stops the work within the block; nothing of the batch is given then.
        """


class SongPipeline:
    """A loaded model, ready to make songs. Not for several threads at once."""

    def __init__(
        self,
        loaded: LoadedModel,
        plan: RuntimePlan,
        *,
        batch_size: int = RuntimeConfig.batch_size,
        load_seconds: float = 0.0,
        styles_dir: Path | None = None,
    ) -> None:
        """``batch_size``: how many songs are made side by side at most. See ``from_pretrained``.

        ``load_seconds``: how long loading took, for the manifests. ``styles_dir``: where the user's own styles lie.
        """
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size}: must be at least 1")
        if loaded.model.codec is None:
            raise CheckpointError(f"model '{loaded.config.name}' has no codec: it cannot make sound")
        self._workshop = Workshop(loaded, plan, loaded.model.codec, load_seconds)
        self._batch_size = batch_size
        self._shelf = StyleShelf(self._workshop, styles_dir)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = "embedded",
        runtime: RuntimeConfig | None = None,
        *,
        models_dir: Path | None = None,
        loras: Sequence[LoraChoice] = (),
        styles_dir: Path | None = None,
    ) -> SongPipeline:
        """Load a model by name or folder onto the machine that ``runtime`` describes; ``loras`` are added to it.

        Raises ``CheckpointError`` for the model's files, ``RuntimePlanError`` for what this machine does not have.
        """
        started = time.perf_counter()
        runtime = runtime or RuntimeConfig()
        if runtime.quantise == "auto" and (kind := stored_quantisation(model, models_dir)) is not None:
            runtime = dataclasses.replace(runtime, quantise=kind)
        plan, songs = resolve(runtime), runtime.batch_size
        fitted = None if runtime.memory is None else Fitted(runtime)
        with apply(plan):
            loaded = load_model(model, fitted or plan, models_dir=models_dir, loras=loras)
        if fitted is not None and fitted.plan is not None:
            plan, songs = fitted.plan, fitted.songs
        spent = time.perf_counter() - started
        return cls(loaded, plan, batch_size=songs, load_seconds=spent, styles_dir=styles_dir)

    @property
    def config(self) -> SongConfig:
        """The model's shape and defaults."""
        return self._workshop.loaded.config

    @property
    def sample_rate(self) -> int:
        """Of the songs' sound, in Hz."""
        return self._workshop.codec.sample_rate

    @property
    def plan(self) -> RuntimePlan:
        """What the machine does, and why."""
        return self._workshop.plan

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles that come with the model."""
        return tuple(self._shelf.named)

    @property
    def named_styles(self) -> tuple[Style, ...]:
        """The styles that come with the model."""
        return tuple(self._shelf.named.values())

    def decode_style(self, style: Style) -> Waveform:
        """What a style prompt sounds like: its latents through the model's codec."""
        sound = self._workshop.decode(style.latents)
        return Waveform(sound, self._workshop.codec.sample_rate)

    def decode_style_stems(self, style: Style) -> tuple[Waveform, Waveform]:
        """Voice and band of a style prompt. Raises ``ConfigError`` where the codec does not keep them apart."""
        if not isinstance(self._workshop.codec, TwoStemCodec):
            raise ConfigError(f"model '{self.config.name}' does not keep voice and band apart: it has no stems")
        with self._workshop.scope():
            latents = style.latents[None].to(self._workshop.plan.torch_device)
            voice, band = (stem[0].float().cpu().numpy() for stem in self._workshop.codec.decode_stems(latents))
        return Waveform(voice, self._workshop.codec.sample_rate), Waveform(band, self._workshop.codec.sample_rate)

    @property
    def has_stems(self) -> bool:
        """Whether the codec keeps voice and band apart."""
        return isinstance(self._workshop.codec, TwoStemCodec)

    @property
    def description(self) -> dict[str, Any]:
        """What a manifest says about the model."""
        return self._workshop.description

    def encode_style(self, source: str | Path | Waveform | Style, start: float | None = None) -> Style:
        """A style prompt from a file, a sound, or the name of a style that comes with the model or words for it.

        Of a sound, the stretch of the model's prompt length that is loudest and steadiest is taken, or that from second
        ``start`` on; it is mixed down and resampled as needed. Raises ``StyleError`` where it cannot be used.
        """
        return self._shelf.style(source, start)

    def mix_styles(self, mix: StyleMix) -> Style:
        """Several styles as one, by weight; sounds are brought to one loudness first. Raises ``StyleError``."""
        return self._shelf.mix(mix)

    def stream(self, request: SongRequest, style: Style | None = None) -> SongStream:
        """One song while it is being made: after each block, and once at the end, what sound became certain.

        ``style`` stands in for the request's own. Closing the stream stops the work. Raises as ``generate`` does.
        """
        making = SongMaking(self._prepare(request, style), self._workshop.codec, decode_frames=0)
        return SongStream(self._workshop.streamed(making))

    def generate(
        self,
        requests: SongRequest | Sequence[SongRequest],
        n: int = 1,
        *,
        style: Style | None = None,
        observer: Observer | None = None,
    ) -> list[Song]:
        """Make ``n`` songs of every request, with seeds ``seed`` to ``seed + n - 1``, request after request.

        ``style`` stands in for the requests' own. All requests are checked before the first song is begun. Raises
        ``ConfigError``, ``LyricsError`` or ``StyleError`` for a request that cannot be served.
        """
        return [song for _, song in self.songs(requests, n, style=style, observer=observer)]

    def songs(
        self,
        requests: SongRequest | Sequence[SongRequest],
        n: int = 1,
        *,
        style: Style | None = None,
        observer: Observer | None = None,
    ) -> Iterator[tuple[int, Song]]:
        """As ``generate``, but each song is given with its number as soon as its batch is done.

        A song that the model ends before its first block is missing; after all others ``SongBloomError`` names it.
        """
        several = [requests] if isinstance(requests, SongRequest) else requests
        return self.make([song for request in several for song in self.prepare(request, n, style=style)], observer)

    def extend(self, request: ExtendRequest) -> SongStream:
        """Let a song go on: the kept part at once, then what is made anew; ``SongStream.song`` is all of it.

        What is kept is the file's own samples. Raises ``ConfigError``, ``LyricsError``, ``StyleError`` or
        ``AudioError`` for a request that cannot be served, ``CheckpointError`` for a memory that cannot be used.
        """
        parent = open_parent(Path(request.song), self._workshop, foreign=request.foreign)
        if parent.memory is None:
            return foreign_extension(self._workshop, self._shelf, parent, request, self._prepare, self._recogniser)
        style = None if request.style is None else self.encode_style(request.style)
        return extension(self._workshop, parent, request, style)

    @cached_property
    def _recogniser(self) -> SketchRecogniser | None:
        """What hears this model's sketch in recordings; none where nothing that comes with the program does."""
        if self.config.alignment is None or not shipped_recogniser().is_file():
            return None
        recogniser = load_recogniser()
        return recogniser if recogniser.layout == self.config.alignment.layout else None

    def repaint(self, request: RepaintRequest) -> SongStream:
        """Make a stretch of a song anew; all other samples are the file's own. Raises as ``extend`` does."""
        parent = open_parent(Path(request.song), self._workshop, foreign=request.foreign)
        if parent.memory is None:
            return foreign_repainting(self._workshop, self._shelf, parent, request, self._prepare)
        style = None if request.style is None else self.encode_style(request.style)
        return repainting(self._workshop, parent, request, style)

    def vary(self, request: VariationRequest) -> SongStream:
        """Another take of a song of this program: what is named changes, all else stays. Raises as ``extend`` does."""
        return variation(self._workshop, self._shelf, open_parent(Path(request.song), self._workshop), request)

    def variations(self, requests: Sequence[VariationRequest]) -> Iterator[Song]:
        """One take after the other. Raises as ``vary`` does."""
        for request in requests:
            yield self.vary(request).whole()

    def interpolate(self, request: InterpolateRequest, observer: Observer | None = None) -> Iterator[tuple[int, Song]]:
        """Songs of one seed, from one style to another. Raises as ``generate`` does."""
        styles = steps_between(self._shelf, request)
        named = [dataclasses.replace(request.song, style=written) for written, _ in styles]
        prepared = [self._prepare(asked, style) for asked, (_, style) in zip(named, styles, strict=True)]
        return self.make(prepared, observer)

    def best_of(
        self, request: SongRequest, n: int, observer: Observer | None = None, *, hears: Hears | None = None
    ) -> Song:
        """The best of ``n`` takes (seeds counting up) by ``edits.best``; its manifest has all scores.

        ``hears`` (``evaluate.transcribe.Transcriber``) lets the words that are heard count too.
        """
        if not 2 <= n <= MOST_TAKES:
            raise ConfigError(f"best of {n}: from 2 to {MOST_TAKES} takes can be compared")
        return best_of(self._workshop, self.generate(request, n, observer=observer), hears)

    def stems(self, song: Song) -> tuple[Waveform, Waveform]:
        """Voice and band of a song of this model; their sum is the song.

        Raises ``ConfigError`` where the model's codec does not keep them apart.
        """
        if not isinstance(self._workshop.codec, TwoStemCodec):
            raise ConfigError(f"model '{self.config.name}' does not keep voice and band apart: it has no stems")
        return stems(self._workshop, self._workshop.codec, song)

    def prepare(self, request: SongRequest, n: int = 1, *, style: Style | None = None) -> list[PreparedSong]:
        """``n`` songs of a request, checked and ready for ``make``. Raises as ``generate`` does."""
        if not 1 <= n <= MOST_SONGS:
            raise ConfigError(f"n {n}: from 1 to {MOST_SONGS} songs of one request can be made at a time")
        first = self._prepare(request, style)
        if request.seed + n - 1 > LARGEST_SEED:
            raise ConfigError(f"seed {request.seed}: {n} songs would need seeds beyond {LARGEST_SEED}")
        taken = [dataclasses.replace(request, seed=request.seed + take) for take in range(n)]
        if style is None and request.style is None and self._shelf.named:
            # Each song's own seed turns to its style: a song is the same alone and among others.
            return [first, *(self._prepare(take, None) for take in taken[1:])]
        return [dataclasses.replace(first, request=take) for take in taken]

    def make(
        self,
        prepared: Sequence[PreparedSong],
        observer: Observer | None = None,
        *,
        listener: Listener | None = None,
    ) -> Iterator[tuple[int, Song]]:
        """Make songs that were prepared, in batches; each is given with its number as soon as its batch is done.

        With a ``listener`` every block is decoded at once, which takes a little longer than many together.
        A song that the model ends before its first block is missing; after all others ``SongBloomError`` names it.
        """
        if observer is not None:
            for number, asked in enumerate(prepared):
                observer.prepared(number, asked.lyrics)
                observer.styled(number, asked.style)
        done = 0
        empty: list[str] = []
        while done < len(prepared):
            batch = [prepared[done]]
            for other in prepared[done + 1 : done + self._batch_size]:
                # Songs side by side share their solver and guidance; one of several branches is made alone.
                if other.sampling != batch[0].sampling or other.branches or batch[0].branches:
                    break
                batch.append(other)
            for index, made in enumerate(self._make(batch, done, observer, listener)):
                if made is None:
                    empty.append(str(batch[index].request.seed))
                else:
                    yield done + index, made
            done += len(batch)
        if empty:
            raise SongBloomError(EMPTY.format(seeds=", ".join(empty)))

    def together(self, sampling: SamplingConfig) -> SongsTogether:
        """A place where prepared songs of this sampling are made side by side, and come and go block by block."""
        return SongsTogether(self._workshop, sampling)

    @property
    def batch_size(self) -> int:
        """How many songs are made side by side at most."""
        return self._batch_size

    def _prepare(self, request: SongRequest, style: Style | None) -> PreparedSong:
        started = time.perf_counter()
        check_request(request, self.config)
        config = self.config
        sampling = requested_sampling(request, config)
        words, tag_seconds, seconds = request.lyrics, config.instrumental_seconds, asked_seconds(request, config)
        if request.instrumental:
            words = instrumental_lyrics(seconds or 0.0, tag_seconds, config.lyrics.max_len)
        lyrics = prepare_lyrics(
            words,
            config.lyrics,
            instrumental_seconds=tag_seconds,
            instrumental=request.instrumental,
            duration=None if request.instrumental else seconds,
        )
        if request.duration is not None and not request.instrumental:
            room = config.lyrics.max_len - len(lyrics.ids)
            longer = with_outro(words, lyrics.estimated_seconds, request.duration, tag_seconds, room)
            if longer != words:
                lyrics = prepare_lyrics(longer, config.lyrics, instrumental_seconds=tag_seconds)
        errors = [finding for finding in lyrics.findings if finding.severity == "error"]
        if errors:
            first = errors[0]
            raise LyricsError(f"lyrics, line {first.line}, column {first.column}: {first.message}")
        if style is None and request.style is not None:
            style = self.encode_style(request.style, request.style_start)
        elif style is None and request.style_start is not None:
            raise StyleError("style start: belongs to a style's audio file: name one with it")
        if style is None and self._shelf.named:
            # Named in the manifest: a model that ships with styles sings in one of them, turned to by the seed.
            style = self._shelf.named[self.styles[request.seed % len(self.styles)]]
        style = in_tempo_and_key(request, style)
        condition, branches = self._workshop.conditions(lyrics.ids, style)
        spent = time.perf_counter() - started
        return PreparedSong(request, lyrics, style, sampling, condition, self.config, spent, branches=branches)

    def _make(
        self, batch: Sequence[PreparedSong], first: int, observer: Observer | None, listener: Listener | None
    ) -> list[Song | None]:
        """The songs of one batch, none where nothing was made; ``first`` is the number of its first song."""
        gathered = DECODE_FRAMES if listener is None else 0
        makings = [SongMaking(prepared, self._workshop.codec, decode_frames=gathered) for prepared in batch]
        for song, progress, sound in self._workshop.blocks(makings):
            if observer is not None:
                observer.progressed(first + song, progress)
            if listener is not None:
                listener.heard(first + song, sound)
        songs: list[Song | None] = []
        takes = are_takes([prepared.request for prepared in batch])
        for index, making in enumerate(makings):
            if making.empty:
                songs.append(None)
                continue
            rest = self._workshop.finish(making)
            if listener is not None:
                listener.heard(first + index, rest)
            songs.append(self._workshop.song(making, {"size": len(batch), "index": index, "takes": takes}))
        return songs
