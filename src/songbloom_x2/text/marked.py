"""A line of text that remembers where each of its characters came from, through every replacement."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Marked:
    """``text`` with, for each character, the column (from 1) in line ``line`` (from 1) of the text as given."""

    text: str
    columns: tuple[int, ...]
    line: int

    @classmethod
    def of(cls, text: str, line: int) -> Marked:
        """Mark a line as it was given."""
        return cls(text, tuple(range(1, len(text) + 1)), line)

    @property
    def column(self) -> int:
        """Column of the first character."""
        return self.columns[0] if self.columns else 1

    def part(self, start: int, end: int | None = None) -> Marked:
        """Return the characters from ``start`` up to ``end``."""
        return Marked(self.text[start:end], self.columns[start:end], self.line)

    def joined(self, other: Marked, between: str = "") -> Marked:
        """Return this text and, after ``between``, another of the same line."""
        columns = (*self.columns, *(other.column for _ in between), *other.columns)
        return Marked(self.text + between + other.text, columns, self.line)

    def strip(self) -> Marked:
        """Return the text without spaces around it."""
        start = len(self.text) - len(self.text.lstrip())
        return self.part(start, max(start, len(self.text.rstrip())))

    def sub(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str] | str) -> Marked:
        """Replace every match; new characters get the column of the match's first one."""
        text: list[str] = []
        columns: list[int] = []
        end = 0
        for match in pattern.finditer(self.text):
            new = replace if isinstance(replace, str) else replace(match)
            text += [self.text[end : match.start()], new]
            columns += self.columns[end : match.start()]
            columns += [self.columns[match.start()]] * len(new) if match.group() else []
            end = match.end()
        text.append(self.text[end:])
        columns += self.columns[end:]
        return Marked("".join(text), tuple(columns), self.line)

    def split(self, pattern: re.Pattern[str]) -> list[Marked]:
        """Split at every match of ``pattern`` (never empty matches)."""
        parts = []
        start = 0
        for match in pattern.finditer(self.text):
            parts.append(self.part(start, match.start()))
            start = match.end()
        parts.append(self.part(start))
        return parts
