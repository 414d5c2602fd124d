"""The data folder: where songs, uploaded styles and sound in the making lie. Names come from ids, never from people.

songs/SONG.ATTEMPT/song.flac, song.json, …   one folder a song, renamed into place when it is whole
live/SONG.pcm                                 a song while it is being made
styles/STYLE.flac                             uploaded styles
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from songbloom_x2.errors import AudioError, StorageError

PART = ".part-"
"""What the name of a folder begins with that is not whole yet."""
_PART_NAME = re.compile(rf"^{re.escape(PART)}|-[0-9a-f]{{8}}$")
_NAME = re.compile(r"[a-z]+-[0-9a-f]{32}(\.\d+)?")


def new_id(kind: str) -> str:
    """A random id with 128 bits: ``job-…``, ``song-…``, ``style-…``."""
    return f"{kind}-{secrets.token_hex(16)}"


class DataFolder:
    """Paths below one folder, and songs put there whole."""

    def __init__(self, root: Path) -> None:
        """Nothing is touched yet."""
        self.root = root
        self.songs, self.live, self.styles = root / "songs", root / "live", root / "styles"

    def prepare(self) -> None:
        """Make the folders, readable for this user only. Raises ``StorageError``."""
        try:
            for folder in (self.root, self.songs, self.live, self.styles):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{self.root}: cannot be made: {error.strerror}; choose another data folder") from error

    def live_file(self, song: str) -> Path:
        """Where a song's sound grows."""
        return self.live / f"{_checked(song)}.pcm"

    def song_folder(self, name: str) -> Path:
        """A song's folder by the name that was recorded."""
        return self.songs / _checked(name)

    def style_file(self, name: str) -> Path:
        """An uploaded style."""
        return self.styles / f"{_checked(name)}.flac"

    def put_song(self, name: str, write: Callable[[Path], None]) -> Path:
        """A song's folder, filled by ``write``: there whole and flushed to disk, or not at all.

        Raises ``StorageError`` where the disk is full or cannot be written.
        """
        final = self.song_folder(name)
        part = self.songs / f"{PART}{name}-{secrets.token_hex(4)}"
        try:
            part.mkdir(mode=0o700)
            write(part)
            sync_folder(part)
            if final.exists():
                # An earlier end of this very attempt, never recorded.
                shutil.rmtree(final)
            part.rename(final)
            sync_folder(self.songs)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            cause = error.__cause__ if isinstance(error, AudioError) else error
            if isinstance(cause, OSError):
                raise StorageError(f"the song cannot be kept: {cause.strerror or cause}") from error
            raise
        return final

    def remove_song(self, name: str) -> None:
        """Take a song's folder away, if it is there."""
        shutil.rmtree(self.song_folder(name), ignore_errors=True)

    def song_folders(self) -> dict[Path, str]:
        """Every folder among the songs, whole or half-made, with the name it has or would have got."""
        return {path: _PART_NAME.sub("", path.name) for path in self.songs.iterdir()}

    def live_songs(self) -> dict[Path, str]:
        """The files of sound in the making, with the ids of their songs."""
        return {path: path.stem for path in self.live.iterdir()}

    def writable(self) -> str | None:
        """Why nothing can be written here; none where it can."""
        probe = self.songs / f"{PART}probe-{secrets.token_hex(8)}"
        try:
            with probe.open("xb") as file:
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return f"nothing can be written in the data folder: {error.strerror}"
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
        return None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can do that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not an id: {name[:60]!r}")
    return name
