"""Continuing a song from its own memory: the engine goes on at a border of blocks, the kept samples stay."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

from songbloom_x2.audio.ending import last_loud, silent_from
from songbloom_x2.audio.stages import Level, Seam, Stage
from songbloom_x2.config import FRAME_RATE, SongConfig
from songbloom_x2.editing.cut import cut, resumed
from songbloom_x2.editing.memory import Remembered
from songbloom_x2.editing.words import continued, sung_until, text_until
from songbloom_x2.edits.parents import Parent
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.request_checks import blocks_within, check_request, requested_sampling, unheard_frames
from songbloom_x2.song_making import PreparedSong, SongMaking, SoundWay
from songbloom_x2.song_stream import SongStream
from songbloom_x2.text.instrumental import instrumental_lyrics
from songbloom_x2.text.outro import with_outro
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.types import ExtendRequest, PreparedLyrics, SongRequest, Style
from songbloom_x2.workshop import Workshop

SEAM_SECONDS = 0.25
"""How long old and new sound overlap; both are the same there, but for what holds back peaks."""


def extension(workshop: Workshop, parent: Parent, request: ExtendRequest, style: Style | None) -> SongStream:
    """The song that goes on as ``request`` says; ``style`` is the other sound that was asked for. See ``pipeline``."""
    prepared, told = prepare_extension(workshop, parent, request, style)
    making = SongMaking(prepared, workshop.codec, decode_frames=0)
    return SongStream(workshop.streamed(making, told))


def prepare_extension(
    workshop: Workshop, parent: Parent, request: ExtendRequest, style: Style | None
) -> tuple[PreparedSong, dict[str, Any]]:
    """What is to be made, and what its manifest says about where it comes from."""
    started = time.perf_counter()
    memory, config = parent.memory, workshop.config
    assert memory is not None, "a recording from elsewhere has its own way"
    frames, silent = _last_kept(parent, memory, request, config)
    state = cut(memory.state, frames)
    pointer = int(state.trail["pointer"][-1]) if "pointer" in state.trail else 0
    asked = _combined(memory, request, frames, pointer, config)
    check_request(dataclasses.replace(asked, lyrics=asked.lyrics or "[inst]", instrumental=False), config)
    lyrics = _lyrics(memory, request, pointer, _seconds_to_fill(asked, frames, config), config)
    sampling = requested_sampling(asked, config)
    sound = memory.style if style is None else _in_tempo(style, memory.style)
    condition, branches = workshop.conditions(lyrics.ids, sound)
    with workshop.scope():
        state = resumed(workshop.loaded.model, state, condition, sampling)
    way, seam = _way(workshop, parent, memory, frames)
    spent = time.perf_counter() - started
    prepared = PreparedSong(asked, lyrics, sound, sampling, condition, config, spent, state, branches=branches, way=way)
    if prepared.limit is not None and prepared.limit <= frames:
        raise ConfigError(
            f"duration {request.duration:g} s: a song goes on by whole blocks of {config.block_size / FRAME_RATE:g} s: "
            "give more"
        )
    told = {
        "kind": "extend",
        "way": "memory",
        "request": {**dataclasses.asdict(request), "sampling": dict(request.sampling)},
        "parents": [parent.told()],
        "kept_frames": frames,
        "silent_from": silent,
        "seam": seam,
    }
    return prepared, told


def _last_kept(
    parent: Parent, memory: Remembered, request: ExtendRequest, config: SongConfig
) -> tuple[int, float | None]:
    """Latent frames that stay: whole blocks until where the song goes on; and from which second on it was silent.

    A song that died away goes on from before its silence, or there would be a hole in the middle of it.
    """
    total, least_frames = memory.state.frames, config.block_size
    if request.start is None:
        faded = memory.facts["fade"]
        until = parent.sound.seconds if faded is None else faded[0] / parent.sound.sample_rate
        silent = silent_from(parent.sound, until)
        if silent is None:
            return total, None
        blocks = blocks_within(last_loud(parent.sound, silent), config)
        return min(max(blocks * config.block_size, least_frames), total), silent
    end = parent.sound.seconds
    least = (config.block_size - unheard_frames(config)) / FRAME_RATE
    if not math.isfinite(request.start) or not least <= request.start <= end + 0.005:
        raise ConfigError(f"from {request.start:g} s: the song lasts {end:.2f} s; take a second from {least:g} to that")
    return min(blocks_within(request.start, config) * config.block_size, total), None


def _combined(memory: Remembered, request: ExtendRequest, frames: int, pointer: int, config: SongConfig) -> SongRequest:
    """The request of the whole song."""
    before = memory.facts["manifest"]["request"]
    duration = None
    if request.duration is not None:
        if not math.isfinite(request.duration) or request.duration <= 0:
            raise ConfigError(f"duration {request.duration:g} s: how much is to be added must be more than 0")
        kept = (memory.state.frames - unheard_frames(config)) / FRAME_RATE
        duration = (kept if request.start is None else request.start) + request.duration
        longest = config.max_frames / FRAME_RATE
        if duration > longest:
            raise ConfigError(
                f"duration {request.duration:g} s: the song would last {duration:.1f} s, the model makes at "
                f"most {longest:g} s: add at most {max(longest - duration + request.duration, 0):.1f} s"
            )
    words = before["lyrics"]
    if request.lyrics.strip():
        kept_words = text_until(words, sung_until(memory.lyrics, pointer, config).words)
        words = f"{kept_words}\n\n{request.lyrics}" if kept_words else request.lyrics
    return SongRequest(
        words,
        before["style"] if request.style is None else request.style,
        request.seed,
        duration,
        before["title"] if request.title is None else request.title,
        {**before["sampling"], **request.sampling},
        request.preset or before["preset"],
        bpm=before.get("bpm"),
        key=before.get("key"),
    )


def _seconds_to_fill(asked: SongRequest, frames: int, config: SongConfig) -> float | None:
    return None if asked.duration is None else asked.duration - (frames - unheard_frames(config)) / FRAME_RATE


def _lyrics(
    memory: Remembered, request: ExtendRequest, pointer: int, seconds: float | None, config: SongConfig
) -> PreparedLyrics:
    """``seconds`` are to be filled after what is kept; none: until the model ends by itself."""
    kept, tag_seconds = sung_until(memory.lyrics, pointer, config), config.instrumental_seconds
    room = config.lyrics.max_len - len(kept.ids)
    if not request.lyrics.strip():
        if len(kept.words) < len(memory.lyrics.words):
            return memory.lyrics if seconds is None else _played_out(memory.lyrics, pointer, seconds, config)
        if seconds is None:
            raise LyricsError("there is nothing left to sing: give lyrics, or a duration for the band to play on")
        played = instrumental_lyrics(seconds, tag_seconds, max(room, 3))
        return continued(
            kept,
            prepare_lyrics(played, config.lyrics, instrumental_seconds=tag_seconds, instrumental=True),
            config,
            len(memory.facts["manifest"]["request"]["lyrics"].splitlines()) + 1,
        )
    new = prepare_lyrics(request.lyrics, config.lyrics, instrumental_seconds=tag_seconds)
    if seconds is not None:
        longer = with_outro(request.lyrics, new.estimated_seconds, seconds, tag_seconds, room - len(new.ids))
        new = prepare_lyrics(longer, config.lyrics, instrumental_seconds=tag_seconds)
    errors = [finding for finding in new.findings if finding.severity == "error"]
    if errors:
        raise LyricsError(f"lyrics, line {errors[0].line}, column {errors[0].column}: {errors[0].message}")
    kept_text = text_until(memory.facts["manifest"]["request"]["lyrics"], kept.words)
    return continued(kept, new, config, len(kept_text.splitlines()) + 1 if kept_text else 0)


def _played_out(lyrics: PreparedLyrics, pointer: int, seconds: float, config: SongConfig) -> PreparedLyrics:
    """Lyrics of which the rest is to be sung, with an outro where that leaves time."""
    if config.alignment is None:
        return lyrics
    known = frozenset(config.alignment.layout.phonemes)
    all_phonemes = sum(symbol in known for symbol in lyrics.symbols)
    left = lyrics.estimated_seconds * (1 - pointer / max(all_phonemes, 1))
    outro = with_outro("", left, seconds, config.instrumental_seconds, config.lyrics.max_len - len(lyrics.ids) - 2)
    if not outro:
        return lyrics
    prepared = prepare_lyrics(outro, config.lyrics, instrumental_seconds=config.instrumental_seconds, instrumental=True)
    return continued(lyrics, prepared, config, 0)


def _in_tempo(style: Style, old: Style | None) -> Style:
    """Another sound, in the tempo and key that the song has: its bars go on."""
    return style if old is None else dataclasses.replace(style, tempo=old.tempo, key=old.key)


def _way(workshop: Workshop, parent: Parent, memory: Remembered, frames: int) -> tuple[SoundWay, dict[str, int]]:
    """How the decoded sound meets the file's: where it cannot differ from the old yet, and before the old fade."""
    codec, level = workshop.codec, parent.level
    heard = (frames - unheard_frames(workshop.config)) * codec.samples_per_frame
    kept, faded = parent.sound.samples, memory.facts["fade"]
    end = min(heard - codec.reach * codec.samples_per_frame, kept.shape[1])
    if faded is not None:
        end = min(end, faded[0])
    end = max(end, 0)
    samples = min(round(SEAM_SECONDS * codec.sample_rate), end)
    first = end - samples

    def stages() -> list[Stage]:
        return [Level(level.gain_db, level.ceiling_db, codec.sample_rate), Seam(kept, first, samples)]

    return SoundWay(kept[:, :first], stages, level), {"start": first, "samples": samples}
