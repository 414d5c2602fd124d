"""Requests as they come in: a mapping from outside becomes a checked, complete one, or a clear refusal.

What is stored with a job has every field and a seed, so that the job is the same whenever it is made.
"""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from songbloom_x2.config import FRAME_RATE, JobLimits, Preset, SongConfig
from songbloom_x2.errors import ConfigError, LimitError, LyricsError, StyleError
from songbloom_x2.jobs.shapes import ModelShape, ModelShapes
from songbloom_x2.request_checks import LARGEST_SEED, asked_seconds, check_request, requested_sampling
from songbloom_x2.settings.values import described, fits
from songbloom_x2.types import SongRequest

UPLOADED = re.compile(r"style-[0-9a-f]{32}")
"""Ids of uploaded styles."""
_KINDS: Mapping[str, Any] = {
    "lyrics": str,
    "style": str | None,
    "seed": int | None,
    "duration": float | None,
    "title": str | None,
    "preset": str | None,
    "style_start": float | None,
    "instrumental": bool,
    "model": str | None,
    "sampling": dict,
}
"""Fields of a ``generate`` request. ``model``: a name; ``style``: a name, words, or the id of an uploaded style."""
_LONGEST_TITLE, _LONGEST_STYLE = 200, 300
_SECONDS_A_WORD = 0.45


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be served. ``stored`` is it as plain JSON values; ``seconds`` of sound, as far as known."""

    stored: dict[str, Any]
    song: SongRequest
    shape: ModelShape
    seconds: float
    steps: int


def checked_request(given: Mapping[str, Any], shapes: ModelShapes, limits: JobLimits, samples: int) -> CheckedRequest:
    """Check a ``generate`` request. Raises ``ConfigError``, ``LimitError``, ``LyricsError``, ``StyleError``, …."""
    fields = _fields(given)
    if not 1 <= samples <= limits.max_samples:
        raise LimitError(f"samples {samples}: from 1 to {limits.max_samples} songs can be made at a time")
    shape = shapes.shape(fields.pop("model"))
    if len(fields["lyrics"]) > limits.max_lyrics:
        raise LimitError(f"the lyrics have {len(fields['lyrics'])} characters; {limits.max_lyrics} are allowed")
    if fields["title"] is not None and len(fields["title"]) > _LONGEST_TITLE:
        raise LimitError(f"the title has {len(fields['title'])} characters; {_LONGEST_TITLE} are allowed")
    _check_style(fields["style"])
    if fields["seed"] is None:
        fields["seed"] = secrets.randbelow(2**32)
    if fields["seed"] > LARGEST_SEED - samples + 1:
        raise ConfigError(f"seed {fields['seed']}: must be from 0 to {LARGEST_SEED} for every song")
    if fields["preset"] is not None and fields["preset"] not in get_args(Preset):
        raise ConfigError(f"preset '{fields['preset'][:60]}' is unknown: choose one of {', '.join(get_args(Preset))}")
    song = SongRequest(**fields)
    check_request(song, shape.config)
    steps = shape.config.sampling.steps
    if song.sampling or song.preset is not None:
        steps = requested_sampling(song, shape.config).steps
    if steps > limits.max_steps:
        raise LimitError(f"steps {steps}: {limits.max_steps} are allowed")
    song, seconds = _bounded(song, shape.config, limits)
    stored = {**dataclasses.asdict(song), "sampling": dict(song.sampling), "model": shape.name}
    return CheckedRequest(stored, song, shape, seconds, steps)


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in _KINDS:
            raise ConfigError(f"'{str(name)[:60]}' is not part of a request; known are {', '.join(_KINDS)}")
    fields: dict[str, Any] = {
        "lyrics": "",
        "instrumental": False,
        "sampling": {},
        **dict.fromkeys(("style", "seed", "duration", "title", "preset", "style_start", "model")),
    }
    for name, value in given.items():
        kind = _KINDS[name]
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
    if asked is not None:
        if asked > limits.max_duration:
            raise LimitError(f"duration {asked:g} s: {limits.max_duration:g} s are allowed")
        # The words may need less than is allowed.
        likely = asked if song.instrumental else min(asked, _likely_seconds(song.lyrics))
        return song, max(likely, config.block_size / FRAME_RATE)
    if longest > limits.max_duration:
        song = dataclasses.replace(song, duration=limits.max_duration)
    return song, min(_likely_seconds(song.lyrics), longest, limits.max_duration)


def _likely_seconds(lyrics: str) -> float:
    """A quick guess; the real estimate needs the pronunciation."""
    words = len(re.findall(r"[\w']+", lyrics)) + len(re.findall(r"[\u4e00-\u9fff]", lyrics))
    return math.ceil(max(words, 1) * _SECONDS_A_WORD + 2)
