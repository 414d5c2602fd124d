"""Making a stretch of a song anew, so that the rest of it, untouched, still follows."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from songbloom_x2.audio.crossfade import fades
from songbloom_x2.audio.stages import Chain, Dropped, FadeOut, Level, Stage, joined
from songbloom_x2.conditioning.pace import FRAMES_A_PHONEME, Pace
from songbloom_x2.config import FRAME_RATE, SamplingConfig
from songbloom_x2.editing.branches import branched
from songbloom_x2.editing.cut import cut, resumed
from songbloom_x2.editing.held import following
from songbloom_x2.editing.likelihood import log_likelihood
from songbloom_x2.editing.memory import Remembered, memory_of
from songbloom_x2.editing.words import replaced, text_replaced
from songbloom_x2.edits.parents import Parent
from songbloom_x2.engine import Generation, SongState, SongTask
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.manifest import samples_sha256
from songbloom_x2.request_checks import check_request, requested_sampling, unheard_frames
from songbloom_x2.runtime.apply import apply
from songbloom_x2.song_music import music_of
from songbloom_x2.song_score import sung_score
from songbloom_x2.song_stream import SongStream
from songbloom_x2.steps import SongCondition, Steps
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.types import (
    FloatArray,
    PreparedLyrics,
    Progress,
    RepaintRequest,
    Song,
    SongRequest,
    Style,
    Waveform,
)
from songbloom_x2.workshop import Workshop

SHORTEST_SECONDS = 0.2
MOST_CANDIDATES = 64
FADE_SECONDS = 0.25
"""How long old and new sound overlap at either end, outside the stretch; both sing the same sketch there."""
_JUDGED_FRAMES = 50
"""So much of the old continuation the model is asked about."""
_BEYOND_FRAMES = 25
"""So much is decoded beyond the stretch, its fade and the codec's reach: what holds back peaks looks ahead."""


@dataclass(frozen=True)
class _Stretch:
    """What is made anew, in frames of the sketch: drawn from ``first`` to before ``until``, rendered from ``start`` to
    before ``end`` (whole blocks); ``song`` is the old state with the pointer as the new lyrics have it."""

    first: int
    until: int
    start: int
    end: int
    song: SongState
    lyrics: PreparedLyrics
    pace: Pace | None
    condition: SongCondition
    branches: tuple[tuple[float, SongCondition], ...]
    style: Style | None
    request: SongRequest
    sampling: SamplingConfig


def repainting(workshop: Workshop, parent: Parent, request: RepaintRequest, style: Style | None) -> SongStream:
    """The song with the stretch that ``request`` names made anew. See ``pipeline``."""
    started = time.perf_counter()
    memory = parent.memory
    assert memory is not None, "a recording from elsewhere has its own way"
    stretch = _stretch(workshop, parent, memory, request, style)
    return SongStream(_pieces(workshop, parent, memory, request, stretch, started))


def check_span(start: float, end: float, seconds: float) -> None:
    """Raise ``ConfigError`` where ``start`` to ``end`` is no stretch of a song of so many ``seconds``."""
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ConfigError(f"from {start:g} to {end:g} s: give two times in seconds")
    if end <= start:
        raise ConfigError(f"from {start:g} to {end:g} s: the stretch must end after it begins")
    if start < 0 or end > seconds + 0.005:
        raise ConfigError(f"from {start:g} to {end:g} s: the song lasts {seconds:.2f} s; choose a stretch inside it")
    if end - start < SHORTEST_SECONDS:
        raise ConfigError(f"from {start:g} to {end:g} s: a stretch of {SHORTEST_SECONDS:g} s at least can be made anew")


def _stretch(
    workshop: Workshop, parent: Parent, memory: Remembered, request: RepaintRequest, style: Style | None
) -> _Stretch:
    config, old = workshop.config, memory.state
    check_span(request.start, request.end, parent.sound.seconds)
    if not 1 <= request.candidates <= MOST_CANDIDATES:
        raise ConfigError(f"candidates {request.candidates}: from 1 to {MOST_CANDIDATES} can be made")
    block, lead = config.block_size, unheard_frames(config)
    first = math.floor(request.start * FRAME_RATE + 1e-6)
    until = min(math.ceil(request.end * FRAME_RATE - 1e-6), old.frames)
    start, end = first // block * block, min(-(-(until + lead) // block) * block, old.frames)
    before = memory.facts["manifest"]["request"]
    lyrics, text, song, pointer = memory.lyrics, before["lyrics"], old, None
    if "pointer" in old.trail:
        pointer = int(old.trail["pointer"][until])
    if request.lyrics.strip():
        if pointer is None:
            raise ConfigError(f"lyrics: model '{config.name}' does not know when it sings which word: leave them out")
        new = prepare_lyrics(request.lyrics, config.lyrics, instrumental_seconds=config.instrumental_seconds)
        change = replaced(lyrics, new, int(old.trail["pointer"][first]), pointer, config)
        text = text_replaced(text, lyrics.words, change.removed, request.lyrics)
        lyrics, pointer = change.lyrics, change.pointer
        song = _shifted(old, until, change.shift)
    asked = SongRequest(
        text,
        before["style"] if request.style is None else request.style,
        request.seed,
        before["duration"],
        before["title"] if request.title is None else request.title,
        {**before["sampling"], **request.sampling},
        request.preset or before["preset"],
        instrumental=before["instrumental"] and not request.lyrics.strip(),
        bpm=before.get("bpm"),
        key=before.get("key"),
    )
    check_request(dataclasses.replace(asked, duration=None), config)
    sound = memory.style
    if style is not None:
        sound = style if sound is None else dataclasses.replace(style, tempo=sound.tempo, key=sound.key)
    condition, branches = workshop.conditions(lyrics.ids, sound)
    pace = None if pointer is None else _pace(song, first, until, pointer, request)
    sampling = requested_sampling(asked, config)
    return _Stretch(first, until, start, end, song, lyrics, pace, condition, branches, sound, asked, sampling)


def _shifted(song: SongState, until: int, shift: int) -> SongState:
    """The song with the pointer moved from frame ``until`` on."""
    pointer = song.trail["pointer"].clone()
    pointer[until:] += shift
    return dataclasses.replace(song, trail={**song.trail, "pointer": pointer})


def _pace(song: SongState, first: int, until: int, pointer: int, request: RepaintRequest) -> Pace:
    missing = pointer - int(song.trail["pointer"][first])
    # The song's own words fitted once, however fast they were sung; new ones want time to be understood.
    frames = FRAMES_A_PHONEME if request.lyrics.strip() else 1
    if missing * frames > until - first:
        least = missing * frames / FRAME_RATE
        raise LyricsError(
            f"lyrics: these words need {least:.1f} s at least, the stretch from {request.start:g} to {request.end:g} s "
            "has less: give fewer words, or more time"
        )
    sounds_on = until < song.frames and bool(song.trail["current"][until + 1] == song.trail["current"][until])
    goes_on = until < song.frames and bool(song.trail["pointer"][until + 1] == pointer)
    return Pace(until, pointer, sounds_on and goes_on)


def _pieces(
    workshop: Workshop, parent: Parent, memory: Remembered, request: RepaintRequest, stretch: _Stretch, started: float
) -> Generator[tuple[Progress, FloatArray], None, Song]:
    config, rate, total = workshop.config, workshop.codec.sample_rate, memory.state.frames
    opened = _faded(stretch, parent, rate)[0]
    seconds, blocks = total / FRAME_RATE, total // config.block_size
    begun = time.perf_counter()
    yield Progress(stretch.start // config.block_size, blocks, seconds, 0.0), parent.sound.samples[:, :opened]
    versions = list(_versions(workshop, request, stretch))
    made = stretch.end // config.block_size
    nothing = np.zeros((parent.sound.samples.shape[0], 0), np.float32)
    yield Progress(made, blocks, seconds, time.perf_counter() - begun), nothing
    likely = _judged(workshop, stretch, versions)
    best = max(range(len(versions)), key=lambda index: likely[index])
    state = dataclasses.replace(versions[best], generator=memory.state.generator, ending=memory.state.ending)
    sound = _composed(workshop, parent, memory, stretch, state)
    spent = time.perf_counter() - begun
    yield Progress(blocks, blocks, seconds, spent), sound[:, opened:]
    told = {
        "kind": "repaint",
        "way": "memory",
        "request": {**dataclasses.asdict(request), "sampling": dict(request.sampling)},
        "parents": [parent.told()],
        "frames": [stretch.first, stretch.until],
        "log_likelihoods": [round(value, 3) if math.isfinite(value) else None for value in likely],
        "taken": best,
    }
    return _song(workshop, parent, memory, stretch, state, sound, told, (begun - started, spent))


def _versions(workshop: Workshop, request: RepaintRequest, stretch: _Stretch) -> list[SongState]:
    """The whole song with each candidate in its place."""
    model, song = workshop.loaded.model, stretch.song
    begun = cut(song, stretch.start)
    with workshop.scope():
        begun = resumed(model, begun, stretch.condition, stretch.sampling)
    steps, seeds = _held_steps(workshop, stretch), range(request.seed, request.seed + request.candidates)
    # Side by side, unless each is several branches itself.
    together = [[(stretch.condition, seed) for seed in seeds]]
    if stretch.branches:
        together = [[(condition, seed) for _, condition in stretch.branches] for seed in seeds]
    candidates: list[SongState] = []
    for group in together:
        tasks = [SongTask(condition, seed, stretch.end, stretch.end, begun) for condition, seed in group]
        with apply(workshop.plan):
            generation = Generation(steps, tasks, stretch.sampling)
            for _ in generation.blocks():
                pass
        candidates += generation.state.songs[: 1 if stretch.branches else None]
    versions = []
    for made in candidates:
        trail = {name: torch.cat([values[:-1], song.trail[name][stretch.end :]]) for name, values in made.trail.items()}
        tokens = torch.cat([made.tokens, song.tokens[stretch.end :]])
        latents = torch.cat([made.latents, song.latents[:, stretch.end :]], dim=1)
        versions.append(SongState(tokens, latents, trail=trail))
    return versions


def _held_steps(workshop: Workshop, stretch: _Stretch) -> Steps:
    steps = following(workshop.steps, stretch.song, stretch.first, stretch.until, stretch.pace)
    return branched(steps, [weight for weight, _ in stretch.branches]) if stretch.branches else steps


def _judged(workshop: Workshop, stretch: _Stretch, versions: list[SongState]) -> list[float]:
    """How likely the old continuation is after each; 0 where the song ends with the stretch."""
    frames = versions[0].frames
    until = min(stretch.until + _JUDGED_FRAMES, frames)
    if until <= stretch.until:
        return [0.0] * len(versions)
    with workshop.scope():
        model, sampling = workshop.loaded.model, stretch.sampling
        values: list[float] = log_likelihood(
            model, stretch.condition, sampling, versions, stretch.until, until
        ).tolist()
    return values


def _faded(stretch: _Stretch, parent: Parent, rate: int) -> tuple[int, int, int, int]:
    """Samples between which the sounds meet: the old one goes between the first two, comes between the others."""
    length, fade = parent.sound.samples.shape[1], round(FADE_SECONDS * rate)
    first, until = round(stretch.first / FRAME_RATE * rate), round(stretch.until / FRAME_RATE * rate)
    until = length if stretch.until >= stretch.song.frames else min(until, length)
    return max(first - fade, 0), min(first, length), until, min(until + fade, length)


def _composed(
    workshop: Workshop, parent: Parent, memory: Remembered, stretch: _Stretch, state: SongState
) -> FloatArray:
    """The file's samples, with the new sound between the fades."""
    codec, level, old = workshop.codec, parent.level, parent.sound.samples
    stages: list[Stage] = [Dropped(unheard_frames(workshop.config) * codec.samples_per_frame)]
    if memory.facts["fade"] is not None:
        stages.append(FadeOut(*memory.facts["fade"]))
    way = Chain([*stages, Level(level.gain_db, level.ceiling_db, codec.sample_rate)])
    out, inside, last, back = _faded(stretch, parent, codec.sample_rate)
    # From the beginning on: the voice's phase runs through. What comes after the stretch is the file's.
    frames = -(-back // codec.samples_per_frame) + unheard_frames(workshop.config) + codec.reach + _BEYOND_FRAMES
    new = joined([way.push(workshop.decode(state.latents[:, :frames])), way.flush()])
    last, back = min(last, new.shape[1]), min(back, new.shape[1])
    sound: FloatArray = old.copy()
    sound[:, inside:last] = new[:, inside:last]
    for first, until, coming in ((out, inside, True), (last, back, False)):
        less, more = fades(until - first, "equal_power")
        weights = (less, more) if coming else (more, less)
        sound[:, first:until] = old[:, first:until] * weights[0] + new[:, first:until] * weights[1]
    return sound


def _song(
    workshop: Workshop,
    parent: Parent,
    memory: Remembered,
    stretch: _Stretch,
    state: SongState,
    sound: FloatArray,
    told: dict[str, Any],
    spent: tuple[float, float],
) -> Song:
    waveform = Waveform(sound, workshop.codec.sample_rate)
    result = {
        **memory.facts["manifest"]["result"],
        "samples": int(sound.shape[1]),
        "channels": int(sound.shape[0]),
        "seconds": waveform.seconds,
        "samples_sha256": samples_sha256(waveform),
    }
    manifest = workshop.manifest(
        request=stretch.request,
        lyrics=stretch.lyrics,
        style=stretch.style,
        sampling=stretch.sampling,
        batch={"size": 1, "index": 0, "takes": True},
        result=result,
        timings={"prepare": spent[0], "making": spent[1]},
        music=music_of(waveform, memory.style),
        edit=told,
    )
    facts = {"model": manifest["model"], "samples_sha256": result["samples_sha256"], "manifest": manifest}
    facts["fade"] = memory.facts["fade"]
    score = None
    if "pointer" in state.trail:
        pointer = state.trail["pointer"][1:].numpy()
        score = sung_score(state.tokens.numpy(), pointer, stretch.lyrics, stretch.style, workshop.config)
    remembered = memory_of(state, stretch.lyrics, memory.style, facts)
    return Song(waveform, state.tokens.numpy(), state.latents.numpy(), manifest, score, remembered, parent.level)
