"""What a song file says about itself: title, lyrics, comment, the manifest, and that a machine made it.

WAV and MP3 carry an ID3v2.4 tag (in WAV inside an ``id3 `` chunk), FLAC and Opus Vorbis comments.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import mutagen.oggopus
import mutagen.oggvorbis
import mutagen.wave

from songbloom_x2.audio.formats import AudioFormat
from songbloom_x2.errors import AudioError

# mutagen says that it is typed, but most of its functions are not.
_mutagen: Any = mutagen

_MANIFEST = "SONGBLOOM_MANIFEST"
_AI = "AI_GENERATED"
_SOURCE_TYPE = "DIGITALSOURCETYPE"
_TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's name for media made by a trained model, the nearest thing to a common marker."""


@dataclass(frozen=True)
class Tags:
    """What is embedded in a song file. ``manifest`` is any JSON object; an empty text counts as none."""

    title: str | None = None
    lyrics: str | None = None
    comment: str | None = None
    manifest: Mapping[str, Any] | None = None
    ai_generated: bool = True


def embed(data: bytes, format: AudioFormat, tags: Tags) -> bytes:
    """The audio file ``data`` with ``tags`` in it; tags it had are replaced.

    NUL signs and lone surrogates, which no tag can hold, are left out. Raises ``ValueError`` for a manifest with
    NaN or infinity and ``TypeError`` for one that is not JSON.
    """
    buffer = io.BytesIO(data)
    if format.name == "mp3":
        _as_id3(tags).save(buffer)
    elif format.name == "wav":
        wave = _mutagen.wave.WAVE(buffer)
        wave.tags = None
        wave.add_tags()
        for frame in _as_id3(tags).values():
            wave.tags.add(frame)
        buffer.seek(0)
        wave.save(buffer)
    else:
        file = _mutagen.flac.FLAC(buffer) if format.name == "flac" else _mutagen.oggopus.OggOpus(buffer)
        if file.tags is None:
            file.add_tags()
        file.tags.clear()
        for key, text in _fields(tags).items():
            file.tags[key] = text
        buffer.seek(0)
        file.save(buffer)
    return buffer.getvalue()


def read_tags(path: str | Path) -> Tags:
    """The tags of any audio file; one without tags gives ``Tags(ai_generated=False)``.

    Raises ``AudioError`` where the file cannot be read, is not audio, or its manifest is not a JSON object.
    """
    try:
        file = _mutagen.File(path)
    except (mutagen.MutagenError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise AudioError(f"{path}: its tags cannot be read: {reason}") from error
    if file is None:
        raise AudioError(f"{path}: not an audio file whose tags can be read")
    fields = _found(file)
    return Tags(
        title=fields.get("TITLE"),
        lyrics=fields.get("LYRICS"),
        comment=fields.get("COMMENT"),
        manifest=_manifest(fields.get(_MANIFEST), path),
        ai_generated=fields.get(_AI) == "true",
    )


def _fields(tags: Tags) -> dict[str, str]:
    """Every field that has a value, by its Vorbis name."""
    manifest = None if tags.manifest is None else json.dumps(dict(tags.manifest), allow_nan=False, sort_keys=True)
    fields = {
        "TITLE": tags.title,
        "LYRICS": tags.lyrics,
        "COMMENT": tags.comment,
        _MANIFEST: manifest,
        _AI: "true" if tags.ai_generated else None,
        _SOURCE_TYPE: _TRAINED if tags.ai_generated else None,
    }
    cleaned = {key: _clean(text) for key, text in fields.items() if text}
    return {key: text for key, text in cleaned.items() if text}


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def _as_id3(tags: Tags) -> Any:
    frames = _mutagen.id3
    id3 = frames.ID3()
    for key, text in _fields(tags).items():
        if key == "TITLE":
            id3.add(frames.TIT2(encoding=3, text=[text]))
        elif key == "LYRICS":
            id3.add(frames.USLT(encoding=3, lang="und", desc="", text=text))
        elif key == "COMMENT":
            id3.add(frames.COMM(encoding=3, lang="und", desc="", text=[text]))
        else:
            id3.add(frames.TXXX(encoding=3, desc=key, text=[text]))
    return id3


def _found(file: Any) -> dict[str, str]:
    """The fields of a file's tags by their Vorbis names; other kinds of tags than ours have none."""
    if isinstance(file.tags, mutagen.id3.ID3):
        return _found_in_id3(file.tags)
    if file.tags and isinstance(file, (mutagen.flac.FLAC, mutagen.oggopus.OggOpus, mutagen.oggvorbis.OggVorbis)):
        return {key.upper(): value for key, value in reversed(list(file.tags))}
    return {}


def _found_in_id3(tags: Any) -> dict[str, str]:
    fields: dict[str, str] = {}
    for kind, key in (("TIT2", "TITLE"), ("COMM", "COMMENT")):
        for frame in tags.getall(kind)[:1]:
            fields[key] = str(frame.text[0]) if frame.text else ""
    for frame in tags.getall("USLT")[:1]:
        fields["LYRICS"] = str(frame.text)
    for frame in tags.getall("TXXX"):
        fields[frame.desc.upper()] = str(frame.text[0]) if frame.text else ""
    return fields


def _manifest(text: str | None, path: str | Path) -> Mapping[str, Any] | None:
    if text is None:
        return None
    try:
        manifest = json.loads(text)
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict):
        raise AudioError(f"{path}: its song manifest is damaged, so the song cannot be made again from it")
    return manifest
