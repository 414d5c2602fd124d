"""Sound from strangers, decoded block by block: memory stays one block's, whatever the file claims or unpacks to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from songbloom_x2.errors import AudioError

MOST_CHANNELS = 8
RATES = range(1000, 768_001)
_BLOCK = 1 << 16
_LOUDEST = 1e6
"""Samples beyond this are not sound but other data read as floats."""
_READABLE = "WAV, FLAC, MP3, OGG, Opus or AIFF"


@dataclass(frozen=True)
class Transcribed:
    """What a sound from outside became: seconds, samples a second, channels, and the SHA-256 of the file as it came."""

    seconds: float
    sample_rate: int
    channels: int
    sha256: str


def transcribe(source: Path, target: Path, *, max_seconds: float) -> Transcribed:
    """Decode ``source`` and write it to ``target`` as FLAC of 24 bits, its rate and channels kept.

    It is given up as soon as more than ``max_seconds`` have come out, and ``target`` is then unfinished: the caller
    removes it. Raises ``AudioError`` for what is not audio, damaged, empty, too long, or not finite, ``OSError`` where
    ``target`` cannot be written.
    """
    try:
        with soundfile.SoundFile(source) as file:
            _check_shape(file, max_seconds)
            with _writing(target):
                seconds = _copy(file, target, max_seconds)
            rate, channels = int(file.samplerate), int(file.channels)
    except (soundfile.SoundFileError, TypeError, ValueError, EOFError) as error:
        raise AudioError(f"not audio that can be read; convert it to {_READABLE}") from error
    return Transcribed(seconds, rate, channels, _checksum(source))


def _check_shape(file: soundfile.SoundFile, max_seconds: float) -> None:
    if not 1 <= file.channels <= MOST_CHANNELS:
        raise AudioError(f"has {file.channels} channels; mix it down to {MOST_CHANNELS} or fewer")
    if file.samplerate not in RATES:
        raise AudioError(f"has an impossible rate of {file.samplerate} samples a second; export it again")
    if max_seconds * file.samplerate < file.frames < 2**62:
        raise AudioError(_too_long(max_seconds))


def _copy(file: soundfile.SoundFile, target: Path, max_seconds: float) -> float:
    """Seconds copied. FLAC holds rates up to 655,350 Hz: what is beyond is refused by libsndfile."""
    most, count = int(max_seconds * file.samplerate), 0
    with soundfile.SoundFile(
        target, "w", samplerate=file.samplerate, channels=file.channels, format="FLAC", subtype="PCM_24"
    ) as out:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            count += len(block)
            if count > most:
                raise AudioError(_too_long(max_seconds))
            if not np.isfinite(block).all() or np.abs(block).max() > _LOUDEST:
                raise AudioError("has samples that are not finite or beyond all measure; export it again")
            out.write(np.clip(block, -1, 1))
    if count == 0:
        raise AudioError("holds no sound")
    if file.format == "FLAC" and count < file.frames < 2**62:
        raise AudioError(f"ends after {count / file.samplerate:.1f} s of its sound; the file is damaged")
    return float(count / file.samplerate)


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """A full disk is not the sound's fault: libsndfile does not tell the two apart."""
    try:
        yield
    except soundfile.SoundFileError:
        with target.open("ab", buffering=0) as file:
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
        raise


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while block := data.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _too_long(max_seconds: float) -> str:
    return f"lasts longer than the {max_seconds:g} s that are allowed; cut it shorter"
