"""Recordings that this program did not make: gone on from, or a stretch replaced, by a new song in their style.

There is no state to go on from. Where the recogniser hears a recording well, its sketch stands in for one (``heard``).
Otherwise nothing is known of its words: what follows sounds like what was before, in its tempo and key, and comes in on
a beat by an equal-power crossfade.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from songbloom_x2.audio.beats import BeatGrid, beat_grid, fade_seconds, fade_start, join_on_beats, like_loud
from songbloom_x2.audio.crossfade import fades
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.edits.heard import WAY as HEARD_WAY
from songbloom_x2.edits.heard import HeardStretch, Hears, listened, placed, prepare_heard, shared_seconds
from songbloom_x2.edits.parents import Parent
from songbloom_x2.edits.repaint import FADE_SECONDS, check_span
from songbloom_x2.errors import ConfigError, LyricsError, StyleError
from songbloom_x2.manifest import samples_sha256
from songbloom_x2.song_making import FADE_SECONDS as DYING_SECONDS
from songbloom_x2.song_making import PreparedSong, SongMaking
from songbloom_x2.song_music import music_of
from songbloom_x2.song_stream import SongStream
from songbloom_x2.style_prompts import tempo_and_key
from songbloom_x2.style_shelf import StyleShelf
from songbloom_x2.style_words import described
from songbloom_x2.types import (
    ExtendRequest,
    FloatArray,
    Progress,
    RepaintRequest,
    Song,
    SongLevel,
    SongRequest,
    Style,
    SungScore,
    Waveform,
)
from songbloom_x2.workshop import Workshop

WAY = "style and crossfade"
_SHORTEST_SECONDS = 1.0
_NEAR_BEAT = 0.7
"""So far before the stretch its new sound may come in, to do so on a beat."""

Prepare = Callable[[SongRequest, Style | None], PreparedSong]
Place = Callable[[Song], tuple[Waveform, float, dict[str, Any]]]
"""A new song -> the whole sound, where the new song's beginning is in it (seconds), and what the manifest says."""


def foreign_extension(
    workshop: Workshop,
    shelf: StyleShelf,
    parent: Parent,
    request: ExtendRequest,
    prepare: Prepare,
    hears: Hears | None = None,
) -> SongStream:
    """See the module; ``hears``: the recogniser, for models of its sketch. Raises as ``SongPipeline.extend`` does."""
    until = parent.sound.seconds if request.start is None else request.start
    _check_length(parent)
    if not _SHORTEST_SECONDS <= until <= parent.sound.seconds + 0.005:
        raise ConfigError(
            f"from {until:g} s: the recording lasts {parent.sound.seconds:.2f} s; take a second from "
            f"{_SHORTEST_SECONDS:g} to that"
        )
    if not request.lyrics.strip() and request.duration is None:
        raise LyricsError("nothing to sing: give lyrics, or a duration for the band to play on")
    if request.duration is not None and not 0 < request.duration < float("inf"):
        raise ConfigError(f"duration {request.duration:g} s: how much is to be added must be more than 0")
    style = _style(workshop, shelf, parent, request.style, until)
    heard = None if hears is None else listened(parent.sound, until, style.tempo, hears, workshop.config)
    told: dict[str, Any] = {"heard": None if heard is None else heard.told()}
    if heard is not None and heard.trusted:
        return _heard_extension(workshop, parent, request, style, heard, until, told)
    beats, own = beat_grid(parent.sound, until), _own_beats(workshop, style)
    overlap = fade_seconds(beats, until)
    if beats is not None and own is not None:
        overlap = until - fade_start(beats, until, overlap)
    asked = SongRequest(
        request.lyrics,
        request.style,
        request.seed,
        None if request.duration is None else request.duration + overlap,
        request.title,
        request.sampling,
        request.preset,
        instrumental=not request.lyrics.strip(),
    )

    def place(song: Song) -> tuple[Waveform, float, dict[str, Any]]:
        joined = join_on_beats(parent.sound, song.waveform, until=until, second_beats=own)
        seam = {"start": round(joined.start * parent.sound.sample_rate)}
        seam["samples"] = round(joined.seconds * parent.sound.sample_rate)
        return joined.waveform, joined.start - joined.skipped, {"seam": seam, "on_beats": joined.on_beats}

    told |= _told("extend", request, parent)
    return SongStream(_pieces(workshop, parent, prepare(asked, style), place, told))


def _heard_extension(
    workshop: Workshop,
    parent: Parent,
    request: ExtendRequest,
    style: Style,
    heard: HeardStretch,
    until: float,
    told: dict[str, Any],
) -> SongStream:
    prepared = prepare_heard(workshop, parent, request, style, heard, until)

    def place(song: Song) -> tuple[Waveform, float, dict[str, Any]]:
        both = shared_seconds(len(heard.sketch.tokens), workshop)
        whole, first, samples = placed(parent.sound, song.waveform, heard.begin, both)
        return whole, heard.begin, {"seam": {"start": first, "samples": samples}, "on_beats": True}

    told = {**told, **_told("extend", request, parent), "way": HEARD_WAY}
    return SongStream(_pieces(workshop, parent, prepared, place, told))


def foreign_repainting(
    workshop: Workshop, shelf: StyleShelf, parent: Parent, request: RepaintRequest, prepare: Prepare
) -> SongStream:
    """See the module; raises as ``SongPipeline.repaint`` does."""
    sound = parent.sound
    _check_length(parent)
    check_span(request.start, request.end, sound.seconds)
    style = _style(workshop, shelf, parent, request.style, max(request.start, min(sound.seconds, _SHORTEST_SECONDS)))
    begin = request.start
    beats = beat_grid(sound, request.start)
    if beats is not None and 0 <= beats.last_until(request.start) >= request.start - _NEAR_BEAT:
        begin = beats.last_until(request.start)
    fade = FADE_SECONDS
    begin = max(min(begin, request.start - fade), 0.0)
    # Longer than needed, so that its own end is not heard.
    seconds = request.end - begin + fade + DYING_SECONDS + 2 * workshop.config.block_size / FRAME_RATE
    asked = SongRequest(
        request.lyrics,
        request.style,
        request.seed,
        seconds,
        request.title,
        request.sampling,
        request.preset,
        instrumental=not request.lyrics.strip(),
    )

    def place(song: Song) -> tuple[Waveform, float, dict[str, Any]]:
        new = _fitted(song.waveform, sound, max(request.start, 1.0))
        rate, length = sound.sample_rate, sound.samples.shape[1]
        first, count = round(begin * rate), round(fade * rate)
        last = min(round(request.end * rate), length)
        back = min(last + count, length)
        whole: FloatArray = sound.samples.copy()
        new = np.pad(new, ((0, 0), (0, max(0, back - first - new.shape[1]))))[:, : back - first]
        less, more = fades(min(count, new.shape[1]), "equal_power")
        part = new.copy()
        part[:, : len(more)] = whole[:, first : first + len(less)] * less + new[:, : len(more)] * more
        if back > last:
            less, more = fades(back - last, "equal_power")
            part[:, last - first :] = part[:, last - first :] * less + whole[:, last:back] * more
        whole[:, first:back] = part
        return Waveform(whole, rate), begin, {"span": [first, back], "on_beats": beats is not None}

    return SongStream(_pieces(workshop, parent, prepare(asked, style), place, _told("repaint", request, parent)))


def _check_length(parent: Parent) -> None:
    if parent.sound.seconds < _SHORTEST_SECONDS:
        raise ConfigError(
            f"{parent.path}: lasts {parent.sound.seconds:.2f} s: of a recording from elsewhere at least "
            f"{_SHORTEST_SECONDS:g} s are needed to go by"
        )


def _style(workshop: Workshop, shelf: StyleShelf, parent: Parent, named: str | None, until: float) -> Style:
    """What sounded before ``until``, or the style that was named in the recording's tempo and key."""
    prompt, sound = workshop.config.prompt, parent.sound
    seconds = (prompt.window or prompt.max_len) / FRAME_RATE
    first = max(0.0, until - seconds)
    rate = sound.sample_rate
    before = Waveform(sound.samples[:, round(first * rate) : round(until * rate)], rate)
    try:
        heard = dataclasses.replace(shelf.style(before), name=parent.path.name)
    except StyleError as error:
        raise StyleError(f"{parent.path}: its sound before {until:.1f} s is what to go by: {error}") from None
    if workshop.config.alignment is not None:
        # Heard in all of the recording: a few seconds may be too short for a pulse.
        tempo, key = tempo_and_key(sound, first, until - first)
        heard = dataclasses.replace(heard, tempo=tempo, key=key, tags=described((), tempo, key))
    if named is None:
        return heard
    return dataclasses.replace(shelf.style(named), tempo=heard.tempo, key=heard.key)


def _own_beats(workshop: Workshop, style: Style) -> BeatGrid | None:
    """An aligned model's first frame is on a beat, at the style's tempo."""
    return None if workshop.config.alignment is None or style.tempo is None else BeatGrid(0.0, 60 / style.tempo)


def _fitted(new: Waveform, like: Waveform, until: float) -> FloatArray:
    """``new`` at the rate, channels and loudness of ``like``."""
    channels = like.samples.shape[0]
    fitted = resample(to_stereo(new) if channels == 2 else to_mono(new), like.sample_rate)
    samples = like_loud(fitted, like, until).samples
    return np.repeat(samples, channels, axis=0) if samples.shape[0] != channels else samples


def _told(kind: str, request: ExtendRequest | RepaintRequest, parent: Parent) -> dict[str, Any]:
    asked = {**dataclasses.asdict(request), "sampling": dict(request.sampling)}
    return {"kind": kind, "way": WAY, "request": asked, "parents": [parent.told()]}


def _pieces(
    workshop: Workshop, parent: Parent, prepared: PreparedSong, place: Place, told: dict[str, Any]
) -> Generator[tuple[Progress, FloatArray], None, Song]:
    making = SongMaking(prepared, workshop.codec, decode_frames=128)
    nothing = np.zeros((parent.sound.samples.shape[0], 0), np.float32)
    for _, progress, _ in workshop.blocks([making]):
        yield progress, nothing
    workshop.finish(making)
    made = workshop.song(making, {"size": 1, "index": 0, "takes": True})
    sound, begin, more = place(made)
    result = {
        **made.manifest["result"],
        "samples": int(sound.samples.shape[1]),
        "channels": int(sound.samples.shape[0]),
        "seconds": sound.seconds,
        "sample_rate": sound.sample_rate,
        "samples_sha256": samples_sha256(sound),
    }
    yield making.progress, sound.samples
    music = music_of(sound, prepared.style)
    manifest = {**made.manifest, "result": result, "music": music, "edit": {**told, **more}}
    return Song(sound, made.tokens, made.latents, manifest, _later(made.score, begin), None, SongLevel(0.0, None))


def _later(score: SungScore | None, seconds: float) -> SungScore | None:
    if score is None:
        return None

    def moved(time: float) -> float:
        return max(time + seconds, 0.0)

    words = tuple(dataclasses.replace(word, start=moved(word.start), end=moved(word.end)) for word in score.words)
    notes = tuple(dataclasses.replace(note, start=moved(note.start), end=moved(note.end)) for note in score.notes)
    return SungScore(words, notes, score.tempo)
