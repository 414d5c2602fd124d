"""A song and its manifest on disk: ``song.flac`` and ``song.json`` beside it, each whole or not there at all.

With them goes the song's memory (``song.state.safetensors``), by which it can go on and be changed; where asked for
also ``song.lrc`` (its words in time) and ``song.mid`` (its melody).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from songbloom_x2.audio.files import write_audio
from songbloom_x2.audio.limiter import levelled
from songbloom_x2.audio.loudness import second_levels
from songbloom_x2.audio.midi import midi_file
from songbloom_x2.audio.tags import Tags
from songbloom_x2.config import OutputConfig
from songbloom_x2.editing.memory import SUFFIX, memory_bytes
from songbloom_x2.errors import ConfigError
from songbloom_x2.text.lrc import lrc
from songbloom_x2.types import Song, SongLevel, SongMemory, Waveform

LyricTimes = Literal["lines", "words"]


@dataclass(frozen=True)
class SavedSong:
    """Where a song lies; ``manifest`` is the one that was written, with what the file's level is."""

    audio: Path
    manifest_path: Path
    manifest: dict[str, Any]
    beside: tuple[Path, ...] = ()
    """What else was written: memory, timed lyrics, melody."""


def save_song(
    song: Song,
    path: Path,
    *,
    format: str = OutputConfig.format,
    loudness: float | None = OutputConfig.loudness,
    true_peak_ceiling: float = OutputConfig.true_peak_ceiling,
    timed_lyrics: LyricTimes | None = None,
    melody: bool = False,
) -> SavedSong:
    """Write ``song`` to ``path`` and its manifest beside it.

    ``loudness``: LUFS to bring it to, under the true-peak ceiling (dBTP), peaks held back; none: the
    level stays as made. A song that is at a file's level already stays there.
    ``timed_lyrics`` writes an LRC file beside it, with the time of each line or each word; ``melody`` a MIDI file.
    Raises ``AudioError`` where a file cannot be written (older ones then stay as they were), ``ConfigError`` where the
    song has no score.
    """
    waveform, level, told = song.waveform, song.level, None
    if level is not None:
        told = {"gain_db": round(level.gain_db, 2), "limited_by": "the song it was made of", "limiter_db": None}
    elif loudness is not None:
        limited = levelled(waveform, target_lufs=loudness, ceiling_db=true_peak_ceiling)
        made = limited.made
        waveform, level = made.waveform, SongLevel(made.gain_db, true_peak_ceiling)
        told = {
            "gain_db": round(made.gain_db, 2),
            "limited_by": made.limited_by,
            "limiter_db": round(limited.reduction_db, 2),
            "target_lufs": loudness,
            "ceiling_db": true_peak_ceiling,
        }
    manifest = {**song.manifest, "file": {"name": path.name, "format": format, "loudness": told}}
    request = manifest["request"]
    tags = Tags(title=request["title"], lyrics=request["lyrics"], manifest=manifest)
    extra = _beside(song, path, timed_lyrics, melody)
    if song.memory is not None:
        kept = level or SongLevel(0.0, None)
        facts = {**song.memory.facts, "level": dataclasses.asdict(kept), "manifest": manifest}
        facts["levels"] = second_levels(waveform)
        extra[path.with_suffix(SUFFIX)] = memory_bytes(SongMemory(song.memory.tensors, facts))
    text = json.dumps(manifest, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    described = path.with_suffix(".json")
    write_audio(path, waveform, format=format, tags=tags, beside={described: text.encode(), **extra})
    return SavedSong(path, described, manifest, tuple(extra))


def save_stems(
    stems: tuple[Waveform, Waveform], song: Song, path: Path, saved: SavedSong, *, format: str
) -> tuple[Path, Path]:
    """Voice and band beside the song (``song.voice.flac``, ``song.band.flac``), at the level the song was brought to.

    Peaks of a stem are not held back, so that both together are the song before its limiter; a stem that would clip
    brings both down. Raises ``AudioError``.
    """
    told = saved.manifest["file"]["loudness"]
    gain = 0.0 if told is None or song.level is not None else float(told["gain_db"])
    loud = [stem.samples * np.float32(10 ** (gain / 20)) for stem in stems]
    highest = max(1.0, *(float(np.abs(samples).max(initial=0)) for samples in loud))
    paths = (path.with_suffix(f".voice{path.suffix}"), path.with_suffix(f".band{path.suffix}"))
    for place, samples in zip(paths, loud, strict=True):
        tags = Tags(title=saved.manifest["request"]["title"])
        sound = Waveform((samples / np.float32(highest)).astype(np.float32), song.waveform.sample_rate)
        write_audio(place, sound, format=format, tags=tags)
    return paths


def _beside(song: Song, path: Path, timed_lyrics: LyricTimes | None, melody: bool) -> dict[Path, bytes]:
    """Contents of the files that tell what is sung when."""
    if timed_lyrics is None and not melody:
        return {}
    if song.score is None:
        raise ConfigError(f"{path.name}: this model's tokens say neither when words are sung nor which notes")
    score, title = song.score, song.manifest["request"]["title"]
    files = {}
    if timed_lyrics is not None:
        by_word = timed_lyrics == "words"
        text = lrc(score.words, title=title, seconds=song.waveform.seconds, by_word=by_word)
        files[path.with_suffix(".lrc")] = text.encode()
    if melody:
        files[path.with_suffix(".mid")] = midi_file(score.notes, score.tempo, words=score.words, title=title or "")
    return files
