"""How long lyrics are likely to take: an estimate from syllables, sentences and tags, at the pace of a model."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from songbloom_x2.config import LyricPace
from songbloom_x2.text.grammar import Lyrics, Section
from songbloom_x2.text.rows import PieceRows
from songbloom_x2.text.vocabulary import INSTRUMENTAL_TAGS
from songbloom_x2.types import PreparedLyrics

USUAL_BAR = 2.4
"""Seconds of a bar of four quarters at 100 beats a minute: taken where the tempo is not known."""


@dataclass(frozen=True)
class SectionReport:
    """A section: its tag, where it stands in the text as given, and what it is likely to take in seconds."""

    tag: str
    line: int
    column: int
    words: int
    syllables: int
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """The sections' estimates, the whole song's in seconds at a usual tempo, and how many bars are in it."""

    sections: tuple[SectionReport, ...]
    seconds: float
    bars: float


def estimate(lyrics: Lyrics, rows: list[PieceRows], instrumental_seconds: float, pace: LyricPace) -> Estimate:
    """Estimate sections and song; ``rows`` are those of the lyrics' pieces, in order."""
    by_piece = {id(row.piece): row for row in rows}
    sections, sentences = [], 0
    for section in lyrics.sections():
        report, sung = _report(section, [by_piece[id(piece)] for piece in section.pieces], instrumental_seconds, pace)
        sections.append(report)
        sentences += sung
    seconds = sum(section.seconds for section in sections) + (pace.song if sentences else 0)
    if sentences and sections[-1].tag == "[outro]" and not sections[-1].words:
        seconds += pace.close
    return Estimate(tuple(sections), round(seconds, 2), sentences * pace.sentence_bars)


def in_tempo(lyrics: PreparedLyrics, tempo: float | None) -> float:
    """The estimate in seconds, once the tempo (beats a minute) is known."""
    bar = USUAL_BAR if tempo is None else 240 / tempo
    return lyrics.estimated_seconds + lyrics.estimated_bars * (bar - USUAL_BAR)


def _report(
    section: Section, rows: list[PieceRows], instrumental_seconds: float, pace: LyricPace
) -> tuple[SectionReport, int]:
    """One section's estimate, and the number of its sentences."""
    words = sum(row.words for row in rows)
    syllables = sum(row.syllables for row in rows)
    instrumental = section.tags if section.tag in INSTRUMENTAL_TAGS else 0
    seconds, sentences = instrumental * instrumental_seconds, 0
    if words:
        symbols = [symbol for row in rows for symbol in row.symbols]
        breaks = sum(symbol == "." and after != "." for symbol, after in pairwise([*symbols, ""]))
        sentences = breaks + (symbols[-1] != ".")
        each = pace.sentence + pace.sentence_bars * USUAL_BAR
        seconds += syllables * pace.syllable + sentences * each + pace.section
    report = SectionReport(section.tag, section.line, section.column, words, syllables, round(seconds, 2))
    return report, sentences
