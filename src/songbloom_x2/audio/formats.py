"""The file formats that songs are written in, and what each can hold. No files are touched here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from songbloom_x2.errors import AudioError

_ANY_RATE: tuple[int, ...] = ()


@dataclass(frozen=True)
class AudioFormat:
    """One output format. ``subtypes`` are libsndfile's names, the default first; no ``rates`` means any rate."""

    name: str
    container: str
    subtypes: tuple[str, ...]
    extensions: tuple[str, ...]
    media_type: str
    max_channels: int
    rates: tuple[int, ...] = _ANY_RATE
    options: Mapping[str, float | str] = field(default_factory=lambda: MappingProxyType({}))
    """Quality settings of the encoder, as ``soundfile`` takes them."""


FORMATS = (
    AudioFormat("wav", "WAV", ("PCM_24", "PCM_16", "FLOAT"), (".wav",), "audio/wav", 8),
    AudioFormat("flac", "FLAC", ("PCM_24", "PCM_16"), (".flac",), "audio/flac", 8),
    AudioFormat(
        "mp3",
        "MP3",
        ("MPEG_LAYER_III",),
        (".mp3",),
        "audio/mpeg",
        2,
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
        # LAME's V0, about 250 kbit/s for music.
        MappingProxyType({"bitrate_mode": "VARIABLE", "compression_level": 0.0}),
    ),
    AudioFormat(
        "opus",
        "OGG",
        ("OPUS",),
        (".opus",),
        "audio/ogg",
        2,
        (8000, 12000, 16000, 24000, 48000),
        # About 190 kbit/s for stereo.
        MappingProxyType({"compression_level": 0.65}),
    ),
)
"""Every format that can be written."""


def format_named(name: str) -> AudioFormat:
    """The format called ``name`` (``wav``, ``flac``, ``mp3``, ``opus``; case does not matter), or ``AudioError``."""
    for known in FORMATS:
        if known.name == name.lower():
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise AudioError(f"audio format '{name}' is not known; choose one of {names}")


def format_of_extension(extension: str) -> AudioFormat:
    """The format of a file name's extension (``.flac``), or ``AudioError``."""
    for known in FORMATS:
        if extension.lower() in known.extensions:
            return known
    endings = ", ".join(ending for known in FORMATS for ending in known.extensions)
    raise AudioError(f"no audio format belongs to the ending '{extension}'; use one of {endings}")
