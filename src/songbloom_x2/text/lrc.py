"""Timed lyrics as an LRC file: a line of words behind the time when it begins.

The format of karaoke and music players; word times are its "enhanced" form, ``<mm:ss.xx>`` before each word.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from songbloom_x2.types import TimedWord


def lrc(words: Sequence[TimedWord], *, title: str | None = None, seconds: float = 0.0, by_word: bool = False) -> str:
    """The file's text. ``seconds`` is the song's length; ``by_word`` also gives the time of each word.

    Lines are those of the lyrics as given; lyrics on a single line are parted at their sentences. Between lines with
    more than a few seconds of music an empty line clears the display.
    """
    lines = _lines(words)
    told = [f"[ti:{_plain(title)}]"] if title else []
    if seconds:
        told.append(f"[length:{int(seconds // 60):02d}:{int(seconds % 60):02d}]")
    told.append("[re:songbloom-x2]")
    for number, line in enumerate(lines):
        if by_word:
            text = " ".join(f"<{_time(word.start)}> {_plain(word.text)}" for word in line)
            text += f" <{_time(line[-1].end)}>"
        else:
            text = " ".join(_plain(word.text) for word in line)
        told.append(f"[{_time(line[0].start)}]{text}")
        after = lines[number + 1][0].start if number + 1 < len(lines) else seconds
        if after - line[-1].end > _PAUSE:
            told.append(f"[{_time(line[-1].end)}]")
    return "\n".join(told) + "\n"


_PAUSE = 4.0
"""Seconds of music after which a line is taken from the display."""


def _lines(words: Sequence[TimedWord]) -> list[list[TimedWord]]:
    written = len({word.line for word in words}) > 1
    lines: list[list[TimedWord]] = []
    for _, group in groupby(words, key=lambda word: word.line if written else word.sentence):
        line: list[TimedWord] = []
        for word in group:
            # A line that is sung twice in a row comes back to its own beginning: a new sentence, the same first word.
            if written and line and word.sentence != line[-1].sentence and word.text == line[0].text:
                lines.append(line)
                line = []
            line.append(word)
        lines.append(line)
    return lines


def _time(seconds: float) -> str:
    hundredths = max(0, round(seconds * 100))
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _plain(text: str | None) -> str:
    """Without what would end the tag or the line."""
    return " ".join((text or "").replace("[", "(").replace("]", ")").replace("<", "(").replace(">", ")").split())
