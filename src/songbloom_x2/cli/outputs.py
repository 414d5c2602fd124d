"""Where songs will be written: names, format and folder are settled, and tried, before any work is done."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from songbloom_x2.audio.formats import format_named, format_of_extension
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import AudioError

if TYPE_CHECKING:
    from typing_extensions import Self

NUMBER = "{i}"


class OutputFolders:
    """Folders that will be written to.

    Entering makes them and tries to write there; leaving with an error takes away those that were made for nothing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """Nothing is touched yet."""
        self._folders = sorted(set(folders))
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        """Make the folders. Raises ``AudioError`` where they cannot be made or written."""
        try:
            for folder in self._folders:
                self._make(folder)
        except BaseException:
            self.take_away()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take away folders that stayed empty, where there was an error."""
        if kind is not None:
            self.take_away()

    def take_away(self) -> None:
        """Remove the folders that were made and stayed empty."""
        for folder in reversed(self._made):
            # One that holds songs stays.
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _make(self, folder: Path) -> None:
        try:
            for parent in [*reversed(folder.parents), folder]:
                if not parent.exists():
                    parent.mkdir()
                    self._made.append(parent)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise AudioError(f"nothing can be written in '{folder}': {reason}; choose another place") from None


class OutputPlan(OutputFolders):
    """Paths and format of the songs of one call, and their folders."""

    def __init__(self, out: Path, format: str | None, n: int) -> None:
        """``format``: none takes it from the ending of ``out``. Raises ``AudioError`` where the two do not fit."""
        _check_name(out)
        if out.is_dir() or not out.name:
            raise AudioError(f"--out {out}: this is a folder; name a file in it")
        if not out.suffix:
            out = out.with_name(f"{out.name}.{format or OutputConfig.format}")
        ending = format_of_extension(out.suffix)
        if format is not None and format_named(format) != ending:
            raise AudioError(f"--out {out}: its ending does not belong to --format {format}; change one of them")
        self.format = ending.name
        self.paths = [_numbered(out, song, n) for song in range(1, n + 1)]
        super().__init__(path.parent for path in self.paths)

    def keep_apart_from(self, sources: Sequence[Path]) -> None:
        """Refuse to write over what is made from, or over the manifest and memory that lie beside it.

        Raises ``AudioError``.
        """
        for path in self.paths:
            for source in sources:
                # Manifest and memory are named as the song, whatever its own ending.
                if path.resolve().with_suffix("") == source.resolve().with_suffix("") or _are_one(path, source):
                    raise AudioError(
                        f"--out {path}: would take the place of {source} or of what lies beside it; choose another name"
                    )


def _check_name(out: Path) -> None:
    """Refuse now what no file system takes: it would show only when the song is made."""
    try:
        out.lstat()
    except ValueError:
        raise AudioError(f"--out {str(out)!r}: a file name holds no NUL character; choose another") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise AudioError(f"--out {str(out)[:60]}…: the file name is too long; choose a shorter one") from None


def _are_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _numbered(out: Path, song: int, n: int) -> Path:
    if NUMBER in str(out):
        return Path(str(out).replace(NUMBER, str(song)))
    return out if n == 1 else out.with_name(f"{out.stem}-{song}{out.suffix}")
