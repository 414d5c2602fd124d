"""What a request may ask for: ranges, and the sampling settings that it overrides. No tensors here."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from songbloom_x2.config import FRAME_RATE, INSTRUMENTAL_SECONDS, PRESETS, SamplingConfig, SongConfig
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.settings.values import described, fits, from_text

if TYPE_CHECKING:
    from songbloom_x2.types import SongRequest

SLOWEST, FASTEST = 60.0, 180.0
"""Beats a minute that a song can be asked for in."""
LARGEST_SEED = 2**63 - 1
STRONGEST_STYLE = 2.0
"""How far a variation may be drawn away from the mean of the model's styles; 1 is the style itself."""
MOST_SONGS = 1000


def check_request(request: SongRequest, config: SongConfig) -> None:
    """Raise ``ConfigError`` or ``LyricsError`` where a value is out of the range that ``config``'s model can serve."""
    if isinstance(request.seed, bool) or not isinstance(request.seed, int) or not 0 <= request.seed <= LARGEST_SEED:
        raise ConfigError(f"seed {request.seed}: must be a whole number from 0 to {LARGEST_SEED}")
    if request.instrumental and request.lyrics.strip():
        raise LyricsError("an instrumental has no lyrics: leave out the lyrics, or do not ask for an instrumental")
    if not request.instrumental and not request.lyrics.strip():
        raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] City lights.'")
    if request.style_start is not None and not (math.isfinite(request.style_start) and request.style_start >= 0):
        raise ConfigError(f"style start {request.style_start:g} s: must be 0 or more")
    if config.alignment is None:
        for name, value in (("bpm", request.bpm), ("key", request.key)):
            if value is not None:
                raise ConfigError(f"{name} {value}: model '{config.name}' cannot be told it: choose a style so")
    if request.bpm is not None and not SLOWEST <= request.bpm <= FASTEST:
        raise ConfigError(f"bpm {request.bpm:g}: must be from {SLOWEST:g} to {FASTEST:g}")
    if request.duration is None:
        return
    shortest, longest = config.block_size / FRAME_RATE, config.max_frames / FRAME_RATE
    if not math.isfinite(request.duration) or not shortest <= request.duration <= longest:
        raise ConfigError(
            f"duration {request.duration:g} s: the model '{config.name}' makes from {shortest:g} to {longest:g} s"
        )


def asked_seconds(request: SongRequest, config: SongConfig) -> float | None:
    """How long the song may be, in seconds; none: as long as the model likes. An instrumental has a length always."""
    if request.duration is None and request.instrumental:
        return min(INSTRUMENTAL_SECONDS, config.max_frames / FRAME_RATE)
    return request.duration


def most_frames(request: SongRequest, config: SongConfig) -> int | None:
    """The request's duration as latent frames, rounded down to whole blocks; none: as long as the model likes."""
    seconds = asked_seconds(request, config)
    return None if seconds is None else max(blocks_within(seconds, config), 1) * config.block_size


def blocks_within(seconds: float, config: SongConfig) -> int:
    """Whole blocks whose sound lasts at most ``seconds``; what an aligned model makes before its sound is not heard."""
    # A hair more, so that 0.64 s is the block of 0.64 s whatever the rounding.
    return int((seconds * FRAME_RATE + unheard_frames(config)) / config.block_size + 1e-9)


def unheard_frames(config: SongConfig) -> int:
    """Latent frames at a song's beginning that are not heard, since the sketch runs ahead of the latents."""
    return 0 if config.alignment is None else config.alignment.lead


def least_frames(request: SongRequest, config: SongConfig) -> int:
    """Latent frames before which the model may not end the song: all of those asked for.

    An aligned model plays on where it has nothing left to sing.
    """
    return most_frames(request, config) or 0


def requested_sampling(request: SongRequest, config: SongConfig) -> SamplingConfig:
    """The model's sampling with the request's preset, then its overrides. Raises as ``resolve_sampling`` does."""
    presets = PRESETS[config.kind]
    if request.preset is not None and request.preset not in presets:
        raise ConfigError(f"preset '{request.preset}' is unknown: choose one of {', '.join(presets)}")
    preset = {} if request.preset is None else presets[request.preset]
    return resolve_sampling(config.sampling, {**preset, **request.sampling})


def resolve_sampling(base: SamplingConfig, overrides: Mapping[str, Any]) -> SamplingConfig:
    """``base`` with the fields of ``overrides``.

    Raises ``ConfigError`` for an unknown field (naming the nearest), a value of another type or out of range.
    """
    kinds = typing.get_type_hints(SamplingConfig)
    for name, value in overrides.items():
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(kinds)}"
            raise ConfigError(f"sampling setting '{name}' is unknown: {hint}")
        if not fits(value, kinds[name]):
            raise ConfigError(f"sampling setting {name} = {value!r}: must be {described(kinds[name])}")
    sampling = dataclasses.replace(base, **overrides)
    for name, low, high in RANGES:
        value = getattr(sampling, name)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"sampling setting {name} = {value:g}: must be from {low:g} to {high:g}")
    return sampling


def parse_sampling(name: str, text: str) -> Any:
    """``text`` as a value of the field ``name`` of ``SamplingConfig``; as it is where it is not of that type."""
    kind = typing.get_type_hints(SamplingConfig).get(name)
    return text if kind is None else from_text(text, kind)


RANGES = (
    ("cfg_lm", 0, 20),
    ("cfg_diff", 0, 20),
    ("steps", 1, 1000),
    ("temperature", 0, 10),
    ("diff_temperature", 0, 1),
    ("top_k", 0, 1_000_000),
    ("top_p", 0, 1),
    ("penalty_window", 0, 100_000),
    ("penalty", 0.1, 100),
    ("max_frames", 1, 1_000_000),
)
"""Sampling settings and the least and most that they may be."""
