"""Reading and writing audio files. Every failure is an ``AudioError`` of one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from songbloom_x2.audio.atomic import write_all_atomically
from songbloom_x2.audio.encode import Encoded, encode_audio
from songbloom_x2.audio.tags import Tags
from songbloom_x2.errors import AudioError
from songbloom_x2.types import FloatArray, Waveform

LONGEST_SECONDS = 3600.0
"""How long a file may be unless the caller says otherwise: a bound on memory, not a matter of taste."""

_MAX_CHANNELS = 8
_RATES = range(1000, 768_001)
_LOUDEST = 1e6
"""Samples beyond this are not sound but other data read as floats."""
_BLOCK = 1 << 18
_UNKNOWN_LENGTH = 2**62
"""libsndfile gives a count beyond this where a stream does not tell its length."""
_READABLE = "WAV, FLAC, MP3, OGG, Opus or AIFF"


def read_audio(path: str | Path, *, max_seconds: float = LONGEST_SECONDS) -> Waveform:
    """Read a whole file that libsndfile knows: samples float32 ``[C, N]`` at the file's own rate.

    Raises ``AudioError`` for what is missing, not a file, not audio, damaged, empty, longer than ``max_seconds``
    (told by the header, before anything is decoded), or has samples that are not finite.
    """
    path = Path(path)
    name = _printable(path)
    try:
        if path.is_dir():
            raise AudioError(f"{name}: this is a folder; name an audio file")
        if path.exists() and not path.is_file():
            raise AudioError(f"{name}: this is not an ordinary file; name an audio file")
        path.open("rb").close()  # libsndfile does not say why it could not open a file
        with soundfile.SoundFile(path.absolute()) as file:
            samples = _decode(file, name, max_seconds)
            rate = int(file.samplerate)
    except FileNotFoundError as error:
        raise AudioError(f"{name}: no such file") from error
    except OSError as error:
        raise AudioError(f"{name}: cannot be read: {error.strerror or error}") from error
    except (soundfile.SoundFileError, TypeError, ValueError, EOFError) as error:
        raise AudioError(f"{name}: not audio that can be read; convert it to {_READABLE}") from error
    if not np.isfinite(samples).all() or np.abs(samples).max() > _LOUDEST:
        raise AudioError(f"{name}: has samples that are not finite or beyond all measure; export it again")
    return Waveform(samples, rate)


def write_audio(
    path: str | Path,
    waveform: Waveform,
    *,
    format: str,
    subtype: str | None = None,
    tags: Tags | None = None,
    beside: Mapping[Path, bytes] | None = None,
) -> Encoded:
    """Write ``waveform`` whole or not at all; see ``encode_audio`` for formats and clipping, which is reported.

    ``beside`` are files that belong to it: either all are written or none.

    Raises ``AudioError`` also where the folder is missing or cannot be written, or the disk is full; then nothing is
    left behind and an older file of that name stays as it was.
    """
    path = Path(path)
    name = _printable(path)
    encoded = encode_audio(waveform, format=format, subtype=subtype, tags=tags)
    try:
        if path.is_dir():
            raise AudioError(f"{name}: this is a folder; name a file in it")
        if not path.parent.is_dir():
            raise AudioError(f"{name}: the folder {_printable(path.parent)} does not exist; make it first")
        write_all_atomically({path: encoded.data, **(beside or {})})
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        if isinstance(error, OSError) and error.filename is not None:
            name = _printable(Path(error.filename))
        raise AudioError(f"{name}: cannot be written: {reason}; choose another place") from error
    return encoded


def _decode(file: soundfile.SoundFile, name: str, max_seconds: float) -> FloatArray:
    if file.channels > _MAX_CHANNELS:
        raise AudioError(f"{name}: has {file.channels} channels; mix it down to {_MAX_CHANNELS} or fewer")
    if file.samplerate not in _RATES:
        raise AudioError(f"{name}: has an impossible rate of {file.samplerate} samples a second; export it again")
    if file.frames >= _UNKNOWN_LENGTH:
        raise AudioError(f"{name}: does not tell its length (it was written to a pipe); convert it once more")
    if file.frames > max_seconds * file.samplerate:
        raise AudioError(
            f"{name}: lasts {file.frames / file.samplerate:.1f} s, {max_seconds:g} s are allowed; cut it shorter"
        )
    # In blocks, so that a header that claims too much takes no memory; no more than it claims is ever decoded.
    blocks: list[FloatArray] = []
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        blocks.append(block)
    count = sum(map(len, blocks))
    if count == 0:
        raise AudioError(f"{name}: holds no sound")
    if file.format == "FLAC" and count < file.frames:
        raise AudioError(f"{name}: ends after {count / file.samplerate:.1f} s of its sound; the file is damaged")
    return np.ascontiguousarray(np.concatenate(blocks).T)


def _printable(path: Path) -> str:
    """The path on one line, whatever its name is made of."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(path))
