"""A song and its manifest on disk: ``song.flac`` and ``song.json`` beside it, each whole or not there at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.files import write_audio
from songbloom_x2.audio.loudness import normalise
from songbloom_x2.audio.tags import Tags
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Song


@dataclass(frozen=True)
class SavedSong:
    """Where a song lies; ``manifest`` is the one that was written, with what the file's level is."""

    audio: Path
    manifest_path: Path
    manifest: dict[str, Any]


def save_song(
    song: Song,
    path: Path,
    *,
    format: str = OutputConfig.format,
    loudness: float | None = OutputConfig.loudness,
    true_peak_ceiling: float = OutputConfig.true_peak_ceiling,
) -> SavedSong:
    """Write ``song`` to ``path`` and its manifest beside it.

    ``loudness``: LUFS to bring it to, as far as the true-peak ceiling (dBTP) allows; none: the level stays as made.
    Raises ``AudioError`` where a file cannot be written.
    """
    waveform, level = song.waveform, None
    if loudness is not None:
        made = normalise(waveform, target_lufs=loudness, ceiling_db=true_peak_ceiling)
        waveform = made.waveform
        level = {"gain_db": round(made.gain_db, 2), "limited_by": made.limited_by}
    manifest = {**song.manifest, "file": {"name": path.name, "format": format, "loudness": level}}
    request = manifest["request"]
    tags = Tags(title=request["title"], lyrics=request["lyrics"], manifest=manifest)
    beside = path.with_suffix(".json")
    write_audio(path, waveform, format=format, tags=tags)
    text = json.dumps(manifest, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        write_atomically(beside, text.encode())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise AudioError(f"{beside}: cannot be written: {error.strerror or error}; choose another place") from error
    return SavedSong(path, beside, manifest)
