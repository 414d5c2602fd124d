"""Collects what is worth telling about lyrics, in the order it is noticed."""

from __future__ import annotations

from songbloom_x2.types import Finding


class Findings:
    """Findings of one text."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[Finding] = []

    def warn(self, code: str, line: int, column: int, message: str) -> None:
        """Add something that changes what is sung."""
        self._found.append(Finding("warning", code, line, column, message))

    def note(self, code: str, line: int, column: int, message: str) -> None:
        """Add something that is good to know."""
        self._found.append(Finding("note", code, line, column, message))

    def sorted(self) -> tuple[Finding, ...]:
        """Return each of them once, by position in the text."""
        return tuple(sorted(dict.fromkeys(self._found), key=lambda finding: (finding.line, finding.column)))
