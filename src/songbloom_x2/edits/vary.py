"""Another take of a song: what is named is changed, all else stays as the song was made."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from songbloom_x2.conditioning.mixing import of_one_length
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.edits.extend import prepare_extension
from songbloom_x2.edits.parents import Parent
from songbloom_x2.errors import ConfigError
from songbloom_x2.request_checks import STRONGEST_STYLE, check_request, requested_sampling, unheard_frames
from songbloom_x2.song_making import PreparedSong, SongMaking
from songbloom_x2.song_stream import SongStream
from songbloom_x2.style_shelf import StyleShelf
from songbloom_x2.types import ExtendRequest, SongRequest, Style, StylePart, VariationRequest
from songbloom_x2.workshop import Workshop


def variation(workshop: Workshop, shelf: StyleShelf, parent: Parent, request: VariationRequest) -> SongStream:
    """See ``SongPipeline.vary``."""
    if parent.memory is None:
        raise ConfigError(f"{parent.path}: is no song of this program with its memory: there is nothing to vary")
    blocks = parent.memory.state.frames // workshop.config.block_size
    if not 0 <= request.keep_blocks < blocks:
        raise ConfigError(f"keep blocks {request.keep_blocks}: the song has {blocks}; keep from 0 to {blocks - 1}")
    if request.keep_sketch and request.keep_blocks:
        raise ConfigError("keep sketch, keep blocks: one or the other: the sketch is kept whole")
    prepared = (
        _kept(workshop, shelf, parent, request) if request.keep_blocks else _whole(workshop, shelf, parent, request)
    )
    told = {
        "kind": "variation",
        "way": "memory",
        "request": dataclasses.asdict(request),
        "parents": [parent.told()],
    }
    return SongStream(workshop.streamed(SongMaking(prepared, workshop.codec, decode_frames=128), told))


def _sampling(before: Mapping[str, Any], request: VariationRequest) -> dict[str, Any]:
    changed = {"temperature": request.temperature, "cfg_diff": request.guidance}
    return {**before, **{name: value for name, value in changed.items() if value is not None}}


def _whole(workshop: Workshop, shelf: StyleShelf, parent: Parent, request: VariationRequest) -> PreparedSong:
    started, memory, config = time.perf_counter(), parent.memory, workshop.config
    assert memory is not None
    before = memory.facts["manifest"]["request"]
    asked = SongRequest(**{**before, "sampling": _sampling(before["sampling"], request)})
    if request.seed is not None:
        asked = dataclasses.replace(asked, seed=request.seed)
    check_request(asked, config)
    style = with_strength(memory.style, request.style_strength, shelf)
    condition, branches = workshop.conditions(memory.lyrics.ids, style)
    sketch = memory.state if request.keep_sketch else None
    sampling = requested_sampling(asked, config)
    spent = time.perf_counter() - started
    return PreparedSong(
        asked, memory.lyrics, style, sampling, condition, config, spent, branches=branches, sketch=sketch
    )


def _kept(workshop: Workshop, shelf: StyleShelf, parent: Parent, request: VariationRequest) -> PreparedSong:
    """The first blocks stay, in the file's own samples."""
    memory, config = parent.memory, workshop.config
    assert memory is not None
    start = (request.keep_blocks * config.block_size - unheard_frames(config)) / FRAME_RATE
    before = memory.facts["manifest"]["request"]
    rest = None if before["duration"] is None else parent.sound.seconds - start
    seed = before["seed"] if request.seed is None else request.seed
    going_on = ExtendRequest(str(parent.path), "", rest, start, seed, sampling=_sampling({}, request))
    style = None
    if request.style_strength is not None:
        style = with_strength(memory.style, request.style_strength, shelf)
    return prepare_extension(workshop, parent, going_on, style)[0]


def with_strength(style: Style | None, strength: float | None, shelf: StyleShelf) -> Style | None:
    """The style, drawn towards the mean of the model's own (under 1) or away from it (over 1).

    Without own styles the mean is silence in the latents' sense, zeros. Raises ``ConfigError`` for what is no strength.
    """
    if strength is None:
        return style
    if not math.isfinite(strength) or not 0 <= strength <= STRONGEST_STYLE:
        raise ConfigError(f"style strength {strength:g}: must be from 0 to {STRONGEST_STYLE:g}")
    if style is None:
        raise ConfigError("style strength: the song has no style")
    if style.parts:
        raise ConfigError("style strength: the song's style is a mix: change its weights instead")
    others = [other.latents for other in shelf.named.values()]
    mean = torch.zeros_like(style.latents)
    if others:
        mean = torch.stack(of_one_length([*others, style.latents])[:-1]).mean(0)
    parts = (StylePart(style.name, strength, style.latents), StylePart("mean of all styles", 1 - strength, mean))
    return dataclasses.replace(style, parts=parts, method="embeddings")
