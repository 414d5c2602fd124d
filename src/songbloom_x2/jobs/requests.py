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
from types import MappingProxyType
from typing import Any, get_args

from songbloom_x2.config import FRAME_RATE, JobLimits, Preset, SongConfig
from songbloom_x2.errors import ConfigError, LimitError, LyricsError, StyleError
from songbloom_x2.jobs.records import SongRecord
from songbloom_x2.jobs.shapes import ModelShape, ModelShapes
from songbloom_x2.request_checks import LARGEST_SEED, RANGES, asked_seconds, check_request, requested_sampling
from songbloom_x2.settings.values import described, fits
from songbloom_x2.types import SongRequest

UPLOADED = re.compile(r"style-[0-9a-f]{32}")
"""Ids of uploaded styles."""
SAMPLING_RANGES = RANGES
"""Sampling settings and the least and most that they may be."""
LONGEST_TITLE = 200

_SHARED: Mapping[str, Any] = MappingProxyType(
    {
        "lyrics": str,
        "style": str | None,
        "seed": int | None,
        "title": str | None,
        "preset": str | None,
        "sampling": dict,
    }
)
FIELDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "generate": {
            **_SHARED,
            "duration": float | None,
            "style_start": float | None,
            "instrumental": bool,
            "model": str | None,
        },
        "extend": {"song": str, **_SHARED, "duration": float | None, "start": float | None},
        "repaint": {"song": str, "start": float, "end": float, **_SHARED, "candidates": int},
    }
)
"""Kinds of jobs and the fields of their requests. ``style``: a name, words, or the id of an uploaded style; ``song``:
the id of one of the owner's songs; ``model``: a name."""
_NEEDED = ("song", "end")
_DEFAULTS: Mapping[str, Any] = MappingProxyType({"lyrics": "", "instrumental": False, "candidates": 4})
_LONGEST_STYLE = 300
_MOST_CANDIDATES = 16
_SECONDS_A_WORD = 0.45


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be served.

    ``stored`` is it as plain JSON values; ``seconds`` of sound to be made, as far as known; ``parents``: the songs it
    starts from; ``title``: none where nobody gave one.
    """

    stored: dict[str, Any]
    shape: ModelShape
    seed: int
    title: str | None
    lyrics: str
    style: str | None
    seconds: float
    steps: int
    parents: tuple[str, ...] = ()


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
    if kind not in FIELDS:
        raise ConfigError(f"job type '{kind[:60]}' is unknown; known are {', '.join(FIELDS)}")
    fields = _fields(given, FIELDS[kind])
    if not 1 <= samples <= limits.max_samples:
        raise LimitError(f"samples {samples}: from 1 to {limits.max_samples} songs can be made at a time")
    if len(fields["lyrics"]) > limits.max_lyrics:
        raise LimitError(f"the lyrics have {len(fields['lyrics'])} characters; {limits.max_lyrics} are allowed")
    if fields["title"] is not None and len(fields["title"]) > LONGEST_TITLE:
        raise LimitError(f"the title has {len(fields['title'])} characters; {LONGEST_TITLE} are allowed")
    _check_style(fields["style"])
    if fields["seed"] is None:
        fields["seed"] = secrets.randbelow(2**32)
    if not 0 <= fields["seed"] <= LARGEST_SEED - samples + 1:
        raise ConfigError(f"seed {fields['seed']}: must be from 0 to {LARGEST_SEED} for every song")
    if fields["preset"] is not None and fields["preset"] not in get_args(Preset):
        raise ConfigError(f"preset '{fields['preset'][:60]}' is unknown: choose one of {', '.join(get_args(Preset))}")
    if kind == "generate":
        return _new_song(fields, shapes, limits)
    return _changed_song(kind, fields, shapes, limits, find_song(fields["song"]))


def likely_seconds(lyrics: str) -> float:
    """A quick guess at how long these words take; the real estimate needs their pronunciation."""
    words = len(re.findall(r"[\w']+", lyrics)) + len(re.findall(r"[\u4e00-\u9fff]", lyrics))
    return math.ceil(max(words, 1) * _SECONDS_A_WORD + 2)


def _new_song(fields: dict[str, Any], shapes: ModelShapes, limits: JobLimits) -> CheckedRequest:
    shape = shapes.shape(fields.pop("model"))
    song = SongRequest(**fields)
    check_request(song, shape.config)
    steps = _steps(song, shape.config, limits)
    song, seconds = _bounded(song, shape.config, limits)
    stored = {**dataclasses.asdict(song), "sampling": dict(song.sampling), "model": shape.name}
    return CheckedRequest(stored, shape, song.seed, song.title, song.lyrics, song.style, seconds, steps)


def _changed_song(
    kind: str, fields: dict[str, Any], shapes: ModelShapes, limits: JobLimits, parent: SongRecord
) -> CheckedRequest:
    shape = shapes.shape(parent.model)
    config = shape.config
    sampled = SongRequest("la", sampling=fields["sampling"], preset=fields["preset"])
    steps = _steps(sampled, config, limits)
    for name in ("start", "end", "duration"):
        value = fields.get(name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"{name} {value:g} s: must be 0 or more")
    if kind == "repaint":
        if not fields["start"] < fields["end"] <= parent.seconds + 0.01:
            raise ConfigError(
                f"start {fields['start']:g} s, end {fields['end']:g} s: must lie one after the other within the song's "
                f"{parent.seconds:g} s"
            )
        if not 1 <= fields["candidates"] <= _MOST_CANDIDATES:
            raise LimitError(f"candidates {fields['candidates']}: from 1 to {_MOST_CANDIDATES} can be made")
        seconds = (fields["end"] - fields["start"]) * fields["candidates"]
    else:
        seconds = _added(fields, parent, config, limits)
    lyrics = fields["lyrics"] or parent.lyrics
    fields["title"] = fields["title"] or parent.title
    return CheckedRequest(
        {**fields, "model": shape.name},
        shape,
        fields["seed"],
        fields["title"],
        lyrics,
        fields["style"] or parent.style,
        max(seconds, config.block_size / FRAME_RATE),
        steps,
        (parent.id,),
    )


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


def _fields(given: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in kinds:
            raise ConfigError(f"'{str(name)[:60]}' is not part of this request; known are {', '.join(kinds)}")
    fields: dict[str, Any] = {name: {} if kind is dict else _DEFAULTS.get(name) for name, kind in kinds.items()}
    for name, kind in kinds.items():
        if name not in given:
            if name in _NEEDED or (name == "start" and kind is float):
                raise ConfigError(f"{name}: is missing")
            continue
        value = given[name]
        if kind is dict:
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise ConfigError(f"{name}: must be an object of settings, for example {{'steps': 12}}")
            value = dict(value)
        elif not fits(value, kind):
            raise ConfigError(f"{name}: must be {described(kind)}")
        fields[name] = value
    for name in ("lyrics", "title", "style"):
        if fields[name] is not None and any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in fields[name]):
            raise LyricsError(f"{name}: holds signs that are no text")
    return fields


def _check_style(style: str | None) -> None:
    """A style from outside is a name, words, or an id, never a file's path."""
    if style is None:
        return
    if not style.strip() or len(style) > _LONGEST_STYLE:
        raise StyleError(f"style: write its name or words about it, at most {_LONGEST_STYLE} characters")
    if "/" in style or "\\" in style:
        raise StyleError("style: a name, words, or the id of an uploaded style; paths are not taken")


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
