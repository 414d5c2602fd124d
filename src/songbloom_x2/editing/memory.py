"""What a song remembers, so that it can go on or be changed later, by another process too.

Tokens, latents, the guide's trail, the generator's state, the style's latents and the lyrics' rows, as tensors and JSON
facts in one safetensors file with a checksum over both. Latents are kept in float32: decoded again they are the song.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from songbloom_x2.engine import SongState
from songbloom_x2.errors import CheckpointError
from songbloom_x2.types import Finding, PreparedLyrics, SongMemory, Style, StylePart, StyleSource, WrittenWord

SUFFIX = ".state.safetensors"
"""What stands in place of the song's own ending."""
FORMAT = 1
_HEADER = "songbloom"
_TRAIL, _STYLE, _PART = "trail.", "style.latents", "style.part."
_LARGEST = 2**31


@dataclass(frozen=True)
class Remembered:
    """A memory, opened: where the song stands at its end, its lyrics, its style and all facts."""

    state: SongState
    lyrics: PreparedLyrics
    style: Style | None
    facts: Mapping[str, Any]


def memory_of(state: SongState, lyrics: PreparedLyrics, style: Style | None, facts: Mapping[str, Any]) -> SongMemory:
    """What is kept of a finished song; integers in 32 bits, which hold all that is counted here."""
    tensors = {"tokens": state.tokens.to(torch.int32), "latents": state.latents.float(), "generator": state.generator}
    tensors |= {_TRAIL + name: values.to(torch.int32) for name, values in state.trail.items()}
    described, more = (None, {}) if style is None else style_facts(style)
    tensors |= more
    told = {"format": FORMAT, "ending": state.ending, "lyrics": dataclasses.asdict(lyrics), "style": described}
    return SongMemory({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, {**facts, **told})


def style_facts(style: Style) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A style as plain JSON and tensors."""
    tensors = {_STYLE: style.latents.float()}
    told: dict[str, Any] = {name: getattr(style, name) for name in ("name", "tempo", "key", "method", "spherical")}
    told |= {"tags": list(style.tags), "notes": list(style.notes), "source": _told(style.source), "parts": []}
    for number, part in enumerate(style.parts):
        tensors[f"{_PART}{number}"] = part.latents.float()
        told["parts"].append({"name": part.name, "weight": part.weight, "source": _told(part.source)})
    return told, tensors


def _told(source: StyleSource | None) -> dict[str, Any] | None:
    return None if source is None else dataclasses.asdict(source)


def opened(memory: SongMemory) -> Remembered:
    """The inverse of ``memory_of``."""
    tensors, facts = memory.tensors, memory.facts
    trail = {name.removeprefix(_TRAIL): value.long() for name, value in tensors.items() if name.startswith(_TRAIL)}
    state = SongState(
        tensors["tokens"].long(), tensors["latents"], tensors["generator"], trail=trail, ending=facts["ending"]
    )
    return Remembered(state, _lyrics(facts["lyrics"]), style_of(facts["style"], tensors), facts)


def memory_bytes(memory: SongMemory) -> bytes:
    """The file's contents."""
    facts = json.dumps(memory.facts, ensure_ascii=False, sort_keys=True, allow_nan=False)
    header = {_HEADER: facts, "sha256": _checksum(memory.tensors, facts)}
    # Each in memory of its own: the format shares none.
    return save({name: tensor.clone() for name, tensor in memory.tensors.items()}, metadata=header)


def read_memory(path: Path) -> SongMemory:
    """A memory from its file. Raises ``CheckpointError`` where it is damaged, altered or of another version."""
    try:
        if path.stat().st_size > _LARGEST:
            raise CheckpointError(f"{path}: too large for the memory of a song")
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
    except (SafetensorError, OSError, ValueError):
        raise CheckpointError(f"{path}: damaged or cut short: {REMEDY}") from None
    text = header.get(_HEADER)
    if text is None:
        raise CheckpointError(f"{path}: not the memory of a song")
    if header.get("sha256") != _checksum(tensors, text):
        raise CheckpointError(f"{path}: its checksum does not match, it was damaged or altered: {REMEDY}")
    facts = json.loads(text)
    if facts.get("format") != FORMAT:
        raise CheckpointError(f"{path}: of version {facts.get('format')}, this program reads version {FORMAT}")
    return SongMemory(tensors, facts)


REMEDY = "make the song again (songbloom replay SONG --out SONG), or treat it as any recording (--foreign)"
"""What to do where a song's memory cannot be used."""


def _checksum(tensors: Mapping[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _lyrics(told: Mapping[str, Any]) -> PreparedLyrics:
    return PreparedLyrics(
        told["text"],
        tuple(told["symbols"]),
        tuple(told["ids"]),
        tuple(Finding(**finding) for finding in told["findings"]),
        told["estimated_seconds"],
        tuple(WrittenWord(**word) for word in told["words"]),
        # Songs made before the estimate knew of bars have none.
        told.get("estimated_bars", 0.0),
    )


def style_of(told: Mapping[str, Any] | None, tensors: Mapping[str, Tensor]) -> Style | None:
    """The inverse of ``style_facts``; none for none."""
    if told is None:
        return None
    tags, notes = tuple(told["tags"]), tuple(told["notes"])
    parts = tuple(
        StylePart(part["name"], part["weight"], tensors[f"{_PART}{number}"], _source(part["source"]))
        for number, part in enumerate(told["parts"])
    )
    return Style(
        told["name"],
        tensors[_STYLE],
        told["tempo"],
        told["key"],
        tags,
        _source(told["source"]),
        notes,
        parts,
        told["method"],
        told["spherical"],
    )


def _source(told: Mapping[str, Any] | None) -> StyleSource | None:
    return None if told is None else StyleSource(**told)
