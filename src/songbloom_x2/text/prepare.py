"""Lyrics to symbol ids, with everything worth telling on the way: the door of this room."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from songbloom_x2.config import LyricsConfig
from songbloom_x2.errors import LyricsError
from songbloom_x2.text.duration import SectionReport, estimate
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.grammar import Lyrics
from songbloom_x2.text.parse import parse
from songbloom_x2.text.rows import PieceRows, lyric_rows
from songbloom_x2.text.vocabulary import INSTRUMENTAL_TAGS, PUNCTUATION, SUNG_TAGS, TAGS
from songbloom_x2.types import PreparedLyrics, WrittenWord


@dataclass(frozen=True)
class LyricsReport:
    """Prepared lyrics, and how long each section is likely to last."""

    prepared: PreparedLyrics
    sections: tuple[SectionReport, ...]


def prepare_lyrics(
    text: str,
    config: LyricsConfig,
    *,
    instrumental_seconds: float,
    instrumental: bool = False,
    duration: float | None = None,
) -> PreparedLyrics:
    """Return the symbol ids of lyrics as people write them, at most ``config.max_len``.

    Text in the released grammar gives the released models' ids. ``instrumental_seconds`` is how long one instrumental
    tag lasts; ``instrumental`` allows lyrics without words; a song of at most ``duration`` seconds that is too short
    for them is warned of. Nothing is dropped or cut without a finding. Raises ``LyricsError`` where nothing can be
    sung, ``MissingExtraError`` for Chinese without the extra ``zh``.
    """
    return report_lyrics(
        text, config, instrumental_seconds=instrumental_seconds, instrumental=instrumental, duration=duration
    ).prepared


def report_lyrics(
    text: str,
    config: LyricsConfig,
    *,
    instrumental_seconds: float,
    instrumental: bool = False,
    duration: float | None = None,
) -> LyricsReport:
    """Do what ``prepare_lyrics`` does, and tell how long each section is likely to last."""
    findings = Findings()
    lyrics = parse(text, findings, instrumental_seconds=instrumental_seconds)
    rows = lyric_rows(lyrics, config, findings)
    if not instrumental and not any(row.words for row in rows):
        raise LyricsError(_why_no_words(rows))
    _check_commas(rows, findings)
    _check_sections(lyrics, findings)
    symbols = [symbol for row in rows for symbol in row.symbols]
    _check_length(rows, config.max_len, findings)
    expected = estimate(lyrics, rows, instrumental_seconds, config.pace)
    seconds = expected.seconds
    if duration is not None and duration < seconds:
        findings.warn("too-long", 1, 1, f"the lyrics need about {seconds:.0f} s, more than the {duration:.0f} s given")
    ids = {symbol: index for index, symbol in enumerate(config.vocabulary)}
    kept = tuple(symbols[: config.max_len])
    words = _written_words(rows, len(kept))
    prepared = PreparedLyrics(
        lyrics.text, kept, tuple(ids[s] for s in kept), findings.sorted(), seconds, words, expected.bars
    )
    return LyricsReport(prepared, expected.sections)


def _written_words(rows: list[PieceRows], fitting: int) -> tuple[WrittenWord, ...]:
    words = []
    first = 0
    for row in rows:
        if row.words and first < fitting:
            text = row.piece.text.rstrip("".join(PUNCTUATION)) or row.piece.text
            words.append(WrittenWord(text, row.piece.line, first, min(len(row.symbols), fitting - first)))
        first += len(row.symbols)
    return tuple(words)


def _why_no_words(rows: list[PieceRows]) -> str:
    if any(row.piece.text not in TAGS and any(char.isalnum() for char in row.piece.text) for row in rows):
        return "none of the words can be sung by this model: write English or Mandarin"
    return "the lyrics hold only tags: write words under [verse] or [chorus], or ask for an instrumental"


def _check_commas(rows: list[PieceRows], findings: Findings) -> None:
    """Warn of every comma that ends a section although no tag follows."""
    flat = [(symbol, row.piece) for row in rows for symbol in row.symbols if symbol]
    for (symbol, piece), (after, _) in pairwise(flat):
        if symbol == "," and after not in TAGS:
            column = piece.column + max(piece.text.find(","), 0)
            findings.warn(
                "comma", piece.line, column, "this comma ends the section: write a full stop to end a sentence"
            )


def _check_sections(lyrics: Lyrics, findings: Findings) -> None:
    for section in lyrics.sections():
        if section.tag in SUNG_TAGS and not section.pieces:
            findings.warn("empty-section", section.line, section.column, f"{section.tag} has no words")
        if section.tag in INSTRUMENTAL_TAGS and section.pieces:
            message = f"words under {section.tag}, which is for instruments: put them under [verse] or [chorus]"
            findings.warn("words-under-tag", section.line, section.column, message)


def _check_length(rows: list[PieceRows], longest: int, findings: Findings) -> None:
    """Warn of the first piece that does not fit, and of how much is cut with it."""
    used = 0
    for index, row in enumerate(rows):
        used += len(row.symbols)
        if used > longest:
            total = used + sum(len(later.symbols) for later in rows[index + 1 :])
            words = sum(later.words for later in rows[index:])
            message = f"{total} rows, {longest} fit: cut from '{row.piece.text}' on, {words} words; shorten the lyrics"
            findings.warn("cut", row.piece.line, row.piece.column, message)
            return
