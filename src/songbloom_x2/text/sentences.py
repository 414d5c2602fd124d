"""A pasted line of words to sentences of pieces: which marks end a sentence, and which are only noise."""

from __future__ import annotations

import re

from songbloom_x2.text.findings import Findings
from songbloom_x2.text.grammar import Piece
from songbloom_x2.text.marked import Marked
from songbloom_x2.text.reading import spell_out

_HAN = "\u4e00-\u9fa5"
_QUOTES = re.compile(r'["“”]')
_LOOSE_APOSTROPHE = re.compile(r"(?<![^\W_])'+|'+(?![^\W_])")
_COMMA = re.compile(r",")
_END = re.compile(
    r"[.,!?;:|~]+"
    r"|(?:(?<=\s)|^)-+(?=\s|$)"
    r"|--+"
    rf"|(?<=[{_HAN}])\s+(?=[{_HAN}])"
)
_SPACE = re.compile(r"\s+")
_SLASH = re.compile(r"\s*/\s*")
_UNSUNG = re.compile(r"[^\w\s'\-]|_")
_HYPHENS = re.compile(r"(?<![^\W_])-+|-+(?![^\W_])")

Sentence = tuple[Piece, ...]


def sentences(line: Marked, findings: Findings) -> list[Sentence]:
    """Return the sentences of a line of words, without their full stops; commas and signs are told.

    Sentences end at ``. , ! ? ; : … |``, at a dash, and at a space between Chinese characters. Quotation marks and
    apostrophes that belong to no word are left out.
    """
    line = spell_out(line, findings).sub(_QUOTES, " ").sub(_LOOSE_APOSTROPHE, "").sub(_SLASH, " ")
    for match in _COMMA.finditer(line.text):
        column = line.columns[match.start()]
        findings.note("comma", line.line, column, "a comma would end the section: written as the end of a sentence")
    found = []
    for clause in line.split(_END):
        for match in _UNSUNG.finditer(clause.text):
            column = clause.columns[match.start()]
            findings.warn("removed-character", line.line, column, f"'{match.group()}' cannot be sung and is left out")
        bare = clause.sub(_UNSUNG, " ").sub(_HYPHENS, " ")
        pieces = tuple(Piece(word.text, word.line, word.column) for word in bare.split(_SPACE) if word.text)
        if pieces:
            found.append(pieces)
    return found
