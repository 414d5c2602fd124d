"""An evaluation of songs that are there already, of whatever origin: what can be said without knowing how they were
made, and more where a manifest or the lyrics are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.tags import read_tags
from songbloom_x2.errors import AudioError, ConfigError
from songbloom_x2.evaluate.transcribe import WHISPER_RATE, Hears
from songbloom_x2.evaluation import measure
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.evaluation.measure import Figures
from songbloom_x2.evaluation.run import LyricsLine
from songbloom_x2.types import Style

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
STEM_ENDINGS = ("-voice", "-band", "-mix")


def song_files(folder: Path) -> list[Path]:
    """The songs of a folder in order; stems beside a song (``song-voice.flac``) belong to it.

    Raises ``ConfigError`` where there are none.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of songs")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    whole = [path for path in files if not _is_stem(path)]
    if not whole:
        raise ConfigError(f"{folder}: holds no sound files ({', '.join(SUFFIXES)})")
    return whole


def _is_stem(path: Path) -> bool:
    for ending in STEM_ENDINGS:
        name = path.stem.removesuffix(ending)
        if name != path.stem and any((path.parent / f"{name}{suffix}").exists() for suffix in SUFFIXES):
            return True
    return False


def evaluate_folder(
    folder: Path,
    out: Path,
    hear: Hears,
    listener: Listener | None,
    lines: Mapping[str, LyricsLine],
    report: Callable[[int, Figures, bool], None],
) -> list[Figures]:
    """Measure every song of ``folder``; figures are kept in ``out`` and not measured again.

    ``lines``: lyrics by the file's name without ending; else they are taken from a manifest or a ``.txt`` beside it.
    """
    out.mkdir(parents=True, exist_ok=True)
    songs = []
    for number, path in enumerate(song_files(folder)):
        kept = out / f"{path.name}.json"
        there = kept.exists()
        if there:
            figures: Figures = json.loads(kept.read_text(encoding="utf-8"))
        else:
            try:
                figures = _measured(path, hear, listener, lines.get(path.stem))
            except AudioError as error:
                figures = {"idx": path.name, "failed": str(error)}
            write_atomically(kept, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
        report(number, figures, there)
        songs.append(figures)
    return songs


def _measured(path: Path, hear: Hears, listener: Listener | None, line: LyricsLine | None) -> Figures:
    waveform = read_audio(path)
    found = measure.of_sound(waveform) | measure.of_file(waveform)
    figures: Figures = {"idx": path.name, **found}
    manifest = _manifest(path)
    lyrics, language = _lyrics(path, manifest, line)
    voice_file = next(
        (path.with_name(f"{path.stem}-voice{s}") for s in SUFFIXES if path.with_name(f"{path.stem}-voice{s}").exists()),
        None,
    )
    voice = None if voice_file is None else read_audio(voice_file)
    if lyrics is not None:
        heard = hear(measure.at_rate(waveform, WHISPER_RATE), language)
        figures |= measure.of_words(lyrics, heard, "mix")
        if voice is not None:
            heard = hear(measure.at_rate(voice, WHISPER_RATE), language)
            figures |= measure.of_words(lyrics, heard, "voice")
        figures |= measure.of_form(lyrics, heard)
    style = _style(manifest)
    if style is not None:
        figures |= measure.of_prompt(waveform, found, style.tempo, style.key)
    figures |= measure.of_recognition(measure.Features.of(waveform, voice), style, listener, ())
    if manifest is not None:
        timings = manifest.get("timings") or {}
        if isinstance(timings.get("real_time_factor"), int | float):
            figures["real_time_factor"] = timings["real_time_factor"]
        figures["ends_by_itself"] = float((manifest.get("result") or {}).get("ending") == "end")
    return figures


def _manifest(path: Path) -> Mapping[str, Any] | None:
    """What is written about the song, where this program made it."""
    beside = path.with_suffix(".json")
    try:
        found = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else read_tags(path).manifest
    except (OSError, ValueError, AudioError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("request"), dict) else None


def _lyrics(path: Path, manifest: Mapping[str, Any] | None, line: LyricsLine | None) -> tuple[str | None, str]:
    if line is not None:
        return line.lyrics, line.lang
    text = path.with_suffix(".txt")
    if text.is_file():
        return text.read_text(encoding="utf-8", errors="replace"), "en"
    if manifest is not None and str(manifest["request"].get("lyrics", "")).strip():
        return str(manifest["request"]["lyrics"]), "en"
    return None, "en"


def _style(manifest: Mapping[str, Any] | None) -> Style | None:
    import torch

    described = None if manifest is None else manifest.get("style")
    if not isinstance(described, dict):
        return None
    tags = tuple(str(tag) for tag in described.get("tags") or ())
    return Style(str(described.get("name")), torch.zeros(0, 0), described.get("tempo"), described.get("key"), tags)
