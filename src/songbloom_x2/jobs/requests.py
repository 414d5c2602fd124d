"""Requests as they come in: a mapping from outside becomes a checked, complete one, or a clear refusal.

What is stored with a job has every field and a seed, so that the job is the same whenever it is made.
"""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from songbloom_x2.config import FRAME_RATE, JobLimits, Preset, SongConfig
from songbloom_x2.errors import ConfigError, LimitError, StyleError
from songbloom_x2.jobs.records import SongRecord
from songbloom_x2.jobs.request_fields import (
    LONGEST_TITLE,
    MOST_CANDIDATES,
    NEW_SONGS,
    at_least_zero,
    not_mixed,
    parts_of,
    read_fields,
    uploads_in,
)
from songbloom_x2.jobs.shapes import ModelShape, ModelShapes
from songbloom_x2.request_checks import (
    FASTEST,
    LARGEST_SEED,
    RANGES,
    SLOWEST,
    STRONGEST_STYLE,
    asked_seconds,
    check_request,
    requested_sampling,
    unheard_frames,
)
from songbloom_x2.style_mixes import checked_mix, on_the_way, written_mix
from songbloom_x2.style_words import parse_key
from songbloom_x2.types import SongRequest, StyleMix

TEMPO_RANGE = SLOWEST, FASTEST
"""Beats a minute that a request may ask for."""
SAMPLING_RANGES = RANGES
"""Sampling settings and the least and most that they may be."""
_SECONDS_A_WORD = 0.45


@dataclass(frozen=True)
class Take:
    """One song that a request asks for."""

    seed: int
    style: str | None


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be served.

    ``stored`` is it as plain JSON values; ``seconds`` of sound to be made for each song, as far as known; ``takes``:
    the songs, in order; ``parents``: those they start from; ``title``: none where nobody gave one; ``uploads``: ids of
    uploaded styles that are needed.
    """

    stored: dict[str, Any]
    shape: ModelShape
    title: str | None
    lyrics: str
    takes: tuple[Take, ...]
    seconds: float
    steps: int
    parents: tuple[str, ...] = ()
    uploads: frozenset[str] = frozenset()


def checked_request(
    kind: str,
    given: Mapping[str, Any],
    shapes: ModelShapes,
    limits: JobLimits,
    samples: int,
    find_song: Callable[[str], SongRecord],
) -> CheckedRequest:
    """Check a request of this kind; ``find_song`` gives the owner's song of an id.

    Raises ``ConfigError``, ``LimitError``, ``LyricsError``, ``StyleError``, ``NotFoundError``, ``CheckpointError``.
    """
    fields = read_fields(kind, given)
    if not 1 <= samples <= limits.max_samples:
        raise LimitError(f"samples {samples}: from 1 to {limits.max_samples} songs can be made at a time")
    if len(fields.get("lyrics", "")) > limits.max_lyrics:
        raise LimitError(f"the lyrics have {len(fields['lyrics'])} characters; {limits.max_lyrics} are allowed")
    if len(fields.get("title") or "") > LONGEST_TITLE:
        raise LimitError(f"the title has {len(fields['title'])} characters; {LONGEST_TITLE} are allowed")
    if fields["seed"] is None:
        fields["seed"] = secrets.randbelow(2**32)
    if not 0 <= fields["seed"] <= LARGEST_SEED - samples + 1:
        raise ConfigError(f"seed {fields['seed']}: must be from 0 to {LARGEST_SEED} for every song")
    preset = fields.get("preset")
    if preset is not None and preset not in get_args(Preset):
        raise ConfigError(f"preset '{preset[:60]}' is unknown: choose one of {', '.join(get_args(Preset))}")
    if kind in NEW_SONGS:
        return _new_songs(kind, fields, shapes, limits, samples)
    return _changed_song(kind, fields, shapes, limits, find_song(fields["song"]), samples)


def song_request(stored: Mapping[str, Any], style: str | None) -> SongRequest:
    """The pipeline's request of one song of a stored ``generate``, ``mix`` or ``interpolate`` request."""
    names = {field.name for field in dataclasses.fields(SongRequest)}
    return SongRequest(**{**{name: value for name, value in stored.items() if name in names}, "style": style})


def mixes_of(kind: str, stored: Mapping[str, Any]) -> list[StyleMix]:
    """The mix of each song of a ``mix`` (one for all) or ``interpolate`` request; of one part alone: no mix.

    Raises ``StyleError`` and ``ConfigError`` for what cannot be mixed.
    """
    method, spherical = stored["method"], stored["spherical"]
    if kind == "mix":
        parts = parts_of(stored["styles"])
        checked_mix(StyleMix(parts, method, spherical))
        if spherical and len(parts) != 2:
            raise StyleError(f"spherical: a sphere lies between two styles, not {len(parts)}")
        return [StyleMix(parts, method, spherical)]
    first, second = stored["first"].strip(), stored["second"].strip()
    not_mixed(first)
    not_mixed(second)
    return [StyleMix(parts, method, spherical) for parts in on_the_way(first, second, stored["steps"])]


def likely_seconds(lyrics: str) -> float:
    """A quick guess at how long these words take; the real estimate needs their pronunciation."""
    words = len(re.findall(r"[\w']+", lyrics)) + len(re.findall(r"[\u4e00-\u9fff]", lyrics))
    return math.ceil(max(words, 1) * _SECONDS_A_WORD + 2)


def _new_songs(
    kind: str, fields: dict[str, Any], shapes: ModelShapes, limits: JobLimits, samples: int
) -> CheckedRequest:
    shape, seed = shapes.shape(fields["model"]), fields["seed"]
    styles = [fields["style"]] if kind == "generate" else [written_mix(mix.parts) for mix in mixes_of(kind, fields)]
    if kind == "interpolate":
        if samples != 1:
            raise ConfigError("samples: an interpolation makes as many songs as it has steps: leave it out")
        if len(styles) > limits.max_samples:
            raise LimitError(f"steps {len(styles)}: up to {limits.max_samples} songs can be made at a time")
        takes = [Take(seed, style) for style in styles]
    else:
        takes = [Take(seed + sample, styles[0]) for sample in range(samples)]
    song = song_request(fields, styles[0])
    check_request(song, shape.config)
    if song.key is not None:
        parse_key(song.key)
    steps = _steps(song, shape.config, limits)
    song, seconds = _bounded(song, shape.config, limits)
    stored = {**fields, "duration": song.duration, "model": shape.name}
    uploads = frozenset(upload for style in styles for upload in uploads_in(style))
    return CheckedRequest(stored, shape, song.title, song.lyrics, tuple(takes), seconds, steps, uploads=uploads)


def _changed_song(
    kind: str, fields: dict[str, Any], shapes: ModelShapes, limits: JobLimits, parent: SongRecord, samples: int
) -> CheckedRequest:
    shape = shapes.shape(parent.model)
    config = shape.config
    sampled = SongRequest("la", sampling=_sampling(kind, fields), preset=fields.get("preset"))
    steps = _steps(sampled, config, limits)
    at_least_zero(fields, "start", "end", "duration")
    if kind == "variations":
        seconds = _varied(fields, parent, config)
    elif kind == "repaint":
        seconds = _repainted(fields, parent)
    else:
        seconds = _added(fields, parent, config, limits)
    if "title" in fields:
        fields["title"] = fields["title"] or parent.title
    style = fields.get("style")
    return CheckedRequest(
        {**fields, "model": shape.name},
        shape,
        fields.get("title") or parent.title,
        fields.get("lyrics") or parent.lyrics,
        tuple(Take(fields["seed"] + sample, style or parent.style) for sample in range(samples)),
        max(seconds, config.block_size / FRAME_RATE),
        steps,
        (parent.id,),
        frozenset(uploads_in(style)),
    )


def _sampling(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    if kind != "variations":
        return dict(fields["sampling"])
    named = {"temperature": fields["temperature"], "cfg_diff": fields["guidance"]}
    return {name: value for name, value in named.items() if value is not None}


def _varied(fields: Mapping[str, Any], parent: SongRecord, config: SongConfig) -> float:
    """Seconds that a variation makes. Raises ``ConfigError`` for what contradicts itself or the song."""
    strength, kept = fields["style_strength"], fields["keep_blocks"]
    if strength is not None and not 0 <= strength <= STRONGEST_STYLE:
        raise ConfigError(f"style_strength {strength:g}: must be from 0 to {STRONGEST_STYLE:g}")
    if fields["keep_sketch"] and kept:
        raise ConfigError("keep_sketch, keep_blocks: one or the other: the sketch is kept whole")
    blocks = math.ceil((parent.seconds * FRAME_RATE + unheard_frames(config)) / config.block_size - 1e-6)
    if not 0 <= kept < blocks:
        raise ConfigError(f"keep_blocks {kept}: the song has {blocks}; keep from 0 to {blocks - 1}")
    return float(parent.seconds * (1 - kept / blocks))


def _repainted(fields: Mapping[str, Any], parent: SongRecord) -> float:
    """Seconds that are made for a repainted stretch."""
    start, end, candidates = fields["start"], fields["end"], fields["candidates"]
    if not start < end <= parent.seconds + 0.01:
        raise ConfigError(
            f"start {start:g} s, end {end:g} s: must lie one after the other within the song's {parent.seconds:g} s"
        )
    if not 1 <= candidates <= MOST_CANDIDATES:
        raise LimitError(f"candidates {candidates}: from 1 to {MOST_CANDIDATES} can be made")
    return float((end - start) * candidates)


def _added(fields: dict[str, Any], parent: SongRecord, config: SongConfig, limits: JobLimits) -> float:
    """Seconds that a song goes on for; the request gets a bound where it has none."""
    kept = parent.seconds if fields["start"] is None else min(fields["start"], parent.seconds)
    room = min(limits.max_duration, config.max_frames / FRAME_RATE) - kept
    if room < config.block_size / FRAME_RATE:
        raise LimitError(f"the song has {kept:g} s already; it cannot go on beyond {room + kept:g} s")
    asked = fields["duration"]
    if asked is not None and asked > room:
        raise LimitError(f"duration {asked:g} s: the song can go on for {room:g} s")
    if asked is None and limits.max_duration < config.max_frames / FRAME_RATE:
        fields["duration"] = room
    likely = likely_seconds(fields["lyrics"]) if fields["lyrics"] else parent.seconds / 2
    return float(min(likely, room if asked is None else asked))


def _steps(song: SongRequest, config: SongConfig, limits: JobLimits) -> int:
    steps = config.sampling.steps
    if song.sampling or song.preset is not None:
        steps = requested_sampling(song, config).steps
    if steps > limits.max_steps:
        raise LimitError(f"steps {steps}: {limits.max_steps} are allowed")
    return steps


def _bounded(song: SongRequest, config: SongConfig, limits: JobLimits) -> tuple[SongRequest, float]:
    """The request with a duration that the limits allow, and how long the song is likely to be."""
    longest = config.max_frames / FRAME_RATE
    asked = asked_seconds(song, config)
    if song.duration is None and asked is not None and asked > limits.max_duration:
        # Nobody asked for an instrumental's usual length.
        asked = limits.max_duration
        song = dataclasses.replace(song, duration=asked)
    if asked is not None:
        if asked > limits.max_duration:
            raise LimitError(f"duration {asked:g} s: {limits.max_duration:g} s are allowed")
        # The words may need less than is allowed.
        likely = asked if song.instrumental else min(asked, likely_seconds(song.lyrics))
        return song, max(likely, config.block_size / FRAME_RATE)
    if longest > limits.max_duration:
        song = dataclasses.replace(song, duration=limits.max_duration)
    return song, min(likely_seconds(song.lyrics), longest, limits.max_duration)
