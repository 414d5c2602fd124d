"""How long lyrics are likely to take: an estimate from syllables, sentences and tags."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from songbloom_x2.text.grammar import Lyrics, Section
from songbloom_x2.text.rows import PieceRows
from songbloom_x2.text.vocabulary import INSTRUMENTAL_TAGS

SECONDS_A_SYLLABLE = 0.36
SECONDS_A_SENTENCE = 0.8
"""Breath and held last note."""
SECONDS_A_SECTION = 1.0


@dataclass(frozen=True)
class SectionReport:
    """A section: its tag, where it stands in the text as given, and what it is likely to take in seconds."""

    tag: str
    line: int
    column: int
    words: int
    syllables: int
    seconds: float


def section_reports(lyrics: Lyrics, rows: list[PieceRows], instrumental_seconds: float) -> tuple[SectionReport, ...]:
    """Return an estimate for each section; ``rows`` are those of the lyrics' pieces, in order."""
    by_piece = {id(row.piece): row for row in rows}
    return tuple(
        _report(section, [by_piece[id(piece)] for piece in section.pieces], instrumental_seconds)
        for section in lyrics.sections()
    )


def _report(section: Section, rows: list[PieceRows], instrumental_seconds: float) -> SectionReport:
    words = sum(row.words for row in rows)
    syllables = sum(row.syllables for row in rows)
    instrumental = section.tags if section.tag in INSTRUMENTAL_TAGS else 0
    seconds = instrumental * instrumental_seconds
    if words:
        symbols = [symbol for row in rows for symbol in row.symbols]
        breaks = sum(symbol == "." and after != "." for symbol, after in pairwise([*symbols, ""]))
        ends = breaks + (symbols[-1] != ".")
        seconds += syllables * SECONDS_A_SYLLABLE + ends * SECONDS_A_SENTENCE + SECONDS_A_SECTION
    return SectionReport(section.tag, section.line, section.column, words, syllables, round(seconds, 2))
