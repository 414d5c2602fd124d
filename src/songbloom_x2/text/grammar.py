"""The released grammar: ``[verse] words. words , [chorus] words , [inst] [inst]``, as pieces between single spaces.

A piece is a tag, a lone comma (it ends a section), or words with the punctuation that sticks to them. An empty piece is
a double space, which the released models see as a row of its own.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from songbloom_x2.text.cleaning import is_plain
from songbloom_x2.text.mandarin_numbers import BESIDE_CHINESE
from songbloom_x2.text.vocabulary import INSTRUMENTAL_TAGS, SUNG_TAGS, TAGS


@dataclass(frozen=True)
class Piece:
    """What stands between two spaces, and where it came from in the text as given (line and column from 1)."""

    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Section:
    """A tag and what follows it up to the next one; ``pieces`` without the tag and the comma that ends the section.

    Repeated instrumental tags are one section; ``tags`` counts them.
    """

    tag: str
    tags: int
    line: int
    column: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Lyrics:
    """Lyrics in the released grammar."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The grammar as one line of text."""
        return " ".join(piece.text for piece in self.pieces)

    def sections(self) -> tuple[Section, ...]:
        """Return the sections in order; words before the first tag belong to a section without a tag."""
        sections: list[Section] = []
        for piece in self.pieces:
            last = sections[-1] if sections else None
            if piece.text in TAGS:
                if last is not None and last.tag == piece.text and not last.pieces and piece.text in INSTRUMENTAL_TAGS:
                    sections[-1] = Section(last.tag, last.tags + 1, last.line, last.column, ())
                else:
                    sections.append(Section(piece.text, 1, piece.line, piece.column, ()))
            elif piece.text and piece.text != ",":
                if last is None:
                    last = Section("", 0, piece.line, piece.column, ())
                    sections.append(last)
                sections[-1] = Section(last.tag, last.tags, last.line, last.column, (*last.pieces, piece))
        return tuple(sections)


_ALLOWED_MARKS = frozenset(" '-.,!?…[]")


def is_released(text: str) -> bool:
    """Tell whether ``text`` is in the released grammar already, so that nothing about it needs changing.

    One line of letters, digits and the vocabulary's punctuation; brackets only around released tags; a tag first, and a
    comma (or the same instrumental tag) before every other one.
    """
    if not all(char in _ALLOWED_MARKS or (is_plain(char) and unicodedata.category(char)[0] in "LMN") for char in text):
        return False
    if BESIDE_CHINESE.search(text) is not None:
        return False
    pieces = [piece for piece in text.split(" ") if piece]
    if not pieces or pieces[0] not in TAGS:
        return False
    for before, piece in pairwise(pieces):
        if piece in TAGS:
            if not before.endswith(",") and not (before == piece and piece in INSTRUMENTAL_TAGS):
                return False
        elif "[" in piece or "]" in piece:
            return False
    return True


def read_released(text: str, line: int) -> Lyrics:
    """Return the pieces of text in the released grammar that stands in ``line`` of the text given."""
    pieces = []
    column = 1
    for piece in text.split(" "):
        pieces.append(Piece(piece, line, column))
        column += len(piece) + 1
    return Lyrics(tuple(pieces))


def by_lines(text: str) -> list[str]:
    """Return the released grammar for people to read: each section's tag, then each sentence, on a line of its own."""
    lines: list[str] = []
    line: list[str] = []
    for piece in [*text.split(" "), ","]:
        if piece in TAGS and not (line and line[-1] == piece):
            line = _ended(lines, line)
        if piece != ",":
            line.append(piece)
        if piece.endswith((".", ",")) or piece in SUNG_TAGS:
            line = _ended(lines, line)
    return lines


def _ended(lines: list[str], line: list[str]) -> list[str]:
    if any(line):
        lines.append(" ".join(line).strip())
    return []
