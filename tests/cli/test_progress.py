"""Progress as lines, or as one line that changes."""

from __future__ import annotations

import io

from songbloom_x2.cli.progress import ProgressLines
from songbloom_x2.types import Finding, PreparedLyrics, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(stream: io.StringIO, songs: int = 1) -> list[str]:
    lines = ProgressLines(songs, stream)
    lines.progressed(0, Progress(9, 10, 5.76, 2.88))
    lines.progressed(songs - 1, Progress(10, 10, 6.4, 3.2))
    lines.line("song.flac")
    lines.close()
    return stream.getvalue().split("\n")


def test_plain_lines() -> None:
    assert tell(io.StringIO()) == [
        "block 9 of about 10, 5.8 s of song, real-time factor 0.50, 0 s left",
        "block 10 of about 10, 6.4 s of song, real-time factor 0.50, 0 s left",
        "song.flac",
        "",
    ]


def test_on_a_terminal_one_line_changes() -> None:
    first, *rest = tell(Terminal(), songs=2)
    assert rest == ["song.flac", ""]
    assert [line[:22] for line in first.split("\r")] == ["", "song 1 of 2: block 9 o", "song 2 of 2: block 10 "]


def test_warnings_are_told_once_and_notes_are_not() -> None:
    stream = io.StringIO()
    lines = ProgressLines(2, stream)
    findings = (Finding("warning", "cut", 2, 5, "9 rows are cut"), Finding("note", "guessed-word", 1, 1, "a guess"))
    for song in range(2):
        lines.prepared(song, PreparedLyrics("text", ("a",), (1,), findings, 1.0))
    assert stream.getvalue() == "warning: lyrics, line 2, column 5: 9 rows are cut\n"
