"""The manifest: everything that is needed to make a song again, and how it was made. A plain JSON object.

Knows nothing of files; ``song_files`` puts it beside the song and into its tags.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from songbloom_x2 import __version__
from songbloom_x2.config import SamplingConfig
from songbloom_x2.types import PreparedLyrics, Song, SongMemory, SongRequest, Style, Waveform

FORMAT = 1
PACKAGES = ("torch", "numpy", "safetensors", "soundfile", "soxr")
"""Whose versions can change the samples."""


def versions() -> dict[str, str]:
    """Versions of this program, Python, the system and the packages that can change the samples."""
    own = {"songbloom-x2": __version__, "python": platform.python_version(), "system": platform.platform()}
    return own | {package: version(package) for package in PACKAGES}


def samples_sha256(waveform: Waveform) -> str:
    """SHA-256 of the samples, little-endian float32, channel after channel: equal only for the same sound."""
    return hashlib.sha256(waveform.samples.astype("<f4").tobytes()).hexdigest()


def rescored(song: Song, best_of: Mapping[str, Any]) -> Song:
    """The song with the scores of all takes that it was chosen from in its manifest, and in its memory's copy of it."""
    manifest = {**song.manifest, "best_of": dict(best_of)}
    memory = song.memory
    if memory is not None:
        memory = SongMemory(memory.tensors, {**memory.facts, "manifest": manifest})
    return dataclasses.replace(song, manifest=manifest, memory=memory)


def build_manifest(
    *,
    request: SongRequest,
    lyrics: PreparedLyrics,
    style: Style | None,
    sampling: SamplingConfig,
    model: Mapping[str, Any],
    plan: Mapping[str, Any],
    batch: Mapping[str, int | bool],
    result: Mapping[str, Any],
    timings: Mapping[str, float],
    music: Mapping[str, Any] | None = None,
    edit: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Join what is known about one song, as plain JSON values.

    ``music``: its tempo and key (``song_music``).
    ``edit``: how it was made of other songs (continued, repainted, mixed, ...), with their manifests; none: it was made
    of its request alone.
    """
    described: dict[str, Any] | None = None
    if style is not None:
        described = {"name": style.name, "tempo": style.tempo, "key": style.key, "tags": list(style.tags)}
        described |= {"frames": int(style.latents.shape[1]), "notes": list(style.notes)}
        described["source"] = None if style.source is None else dataclasses.asdict(style.source)
        if style.parts:
            described |= {"method": style.method, "spherical": style.spherical}
            described["parts"] = [
                {
                    "name": part.name,
                    "weight": part.weight,
                    "source": None if part.source is None else dataclasses.asdict(part.source),
                }
                for part in style.parts
            ]
    manifest = {
        "format": FORMAT,
        "ai_generated": True,
        "request": {**dataclasses.asdict(request), "sampling": dict(request.sampling)},
        "seed": request.seed,
        "model": dict(model),
        "plan": dict(plan),
        "sampling": dataclasses.asdict(sampling),
        "lyrics": {
            "sung": lyrics.text,
            "symbols": " ".join(lyrics.symbols),
            "findings": [dataclasses.asdict(finding) for finding in lyrics.findings],
        },
        "style": described,
        "batch": dict(batch),
        "result": dict(result),
        "music": None if music is None else dict(music),
        "versions": versions(),
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }
    if edit is not None:
        manifest["edit"] = dict(edit)
    plain: dict[str, Any] = json.loads(json.dumps(manifest, allow_nan=False))
    return plain
