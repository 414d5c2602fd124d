"""Other forms of a finished song, made when asked for and kept beside it: other formats, its spectrogram."""

from __future__ import annotations

from pathlib import Path

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.encode import encode_audio
from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.formats import format_named
from songbloom_x2.audio.picture import spectrogram_png
from songbloom_x2.audio.tags import read_tags
from songbloom_x2.errors import StorageError


def transcoded(stored: Path, format: str) -> Path:
    """The song in another format, with the tags of the stored file. Raises ``StorageError``."""
    path = stored.with_suffix(format_named(format).extensions[0])
    if not path.is_file():
        sound = read_audio(stored)
        _keep(path, encode_audio(sound, format=format, tags=read_tags(stored)).data)
    return path


def pictured(stored: Path) -> Path:
    """The song's spectrogram as a PNG. Raises ``StorageError``."""
    path = stored.with_suffix(".png")
    if not path.is_file():
        _keep(path, spectrogram_png(read_audio(stored)))
    return path


def _keep(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise StorageError(f"the song's {path.suffix[1:]} cannot be written: {error.strerror}") from error
