"""Progress on stderr: one line that changes on a terminal, plain lines elsewhere; and the lyrics' findings."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from songbloom_x2.types import PreparedLyrics, Progress, Style


class ProgressLines:
    """Tells of songs in the making; an ``Observer`` of the pipeline."""

    def __init__(self, songs: int, stream: TextIO | None = None) -> None:
        """``songs``: how many will be made."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._songs = songs
        self._told: set[str] = set()
        self._width = 0
        self._latest: dict[int, Progress] = {}
        self._started = time.monotonic()

    def prepared(self, song: int, lyrics: PreparedLyrics) -> None:
        """Print the warnings, each once."""
        for finding in lyrics.findings:
            line = f"{finding.severity}: lyrics, line {finding.line}, column {finding.column}: {finding.message}"
            if finding.severity != "note" and line not in self._told:
                self._told.add(line)
                self.line(line)

    def styled(self, song: int, style: Style | None) -> None:
        """Print which style is sung in, and what was done to its sound; each once."""
        if style is None:
            return
        tempo = "" if style.tempo is None else f", {style.tempo:.0f} beats a minute"
        known = f" ({', '.join(style.tags)}{tempo})" if style.tags else ""
        line = f"style: {'; '.join((style.name + known, *style.notes))}"
        if line not in self._told:
            self._told.add(line)
            self.line(line)

    def progressed(self, song: int, progress: Progress) -> None:
        """A block more of one song."""
        self._latest[song] = progress
        text = _described(progress) if self._songs == 1 else f"song {song + 1} of {self._songs}: {_described(progress)}"
        if not self._live:
            self.line(text)
            return
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def line(self, text: str) -> None:
        """A line of its own, whatever stands on the current one."""
        self.close()
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """End the line that changes."""
        if self._width:
            self._stream.write("\n")
            self._stream.flush()
            self._width = 0


def _described(progress: Progress) -> str:
    left = max(progress.blocks_expected - progress.block, 0) * progress.seconds_spent / max(progress.block, 1)
    return (
        f"block {progress.block} of about {progress.blocks_expected}, {progress.seconds_made:.1f} s of song, "
        f"real-time factor {progress.real_time_factor:.2f}, {left:.0f} s left"
    )
