"""Lyrics to symbol rows: what each piece becomes, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from songbloom_x2.config import LyricsConfig
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.fold import fold_word, is_mandarin
from songbloom_x2.text.grammar import Lyrics, Piece
from songbloom_x2.text.phonemize import piece_words
from songbloom_x2.text.vocabulary import PUNCTUATION, TAGS
from songbloom_x2.text.words import Word

_WORDS_THAT_ARE_SYMBOLS = frozenset({"a", "i", "o", "u", "e", "my", "by"})
_SILENT = frozenset(TAGS) | frozenset(PUNCTUATION)


class PieceRows(NamedTuple):
    """A piece with its symbols (all in the vocabulary), and how many words and syllables are sung for it."""

    piece: Piece
    symbols: tuple[str, ...]
    words: int
    syllables: int


def lyric_rows(lyrics: Lyrics, config: LyricsConfig, findings: Findings) -> list[PieceRows]:
    """Return the rows of every piece in order. An empty piece (a double space) is one row of the empty symbol.

    The embedded model (folding ``sung``) knows no other marks than full stops between sentences and commas before tags:
    other marks become these or are left out, and so are empty pieces.
    """
    builder = _Builder(config, findings)
    rows = [builder.piece(piece) for piece in lyrics.pieces]
    return _plainly_marked(rows) if config.folding == "sung" else rows


def _plainly_marked(rows: list[PieceRows]) -> list[PieceRows]:
    flat = [(number, symbol) for number, row in enumerate(rows) for symbol in row.symbols if symbol not in ("", "-")]
    kept: list[list[str]] = [[] for _ in rows]
    before = ""
    for (number, symbol), (_, after) in pairwise([*flat, (0, "")]):
        if symbol in PUNCTUATION:
            symbol = "," if symbol == "," and after in TAGS else "."
        needless = before in ("", ".", *TAGS) or after in ("", *PUNCTUATION)
        if symbol == "." and needless:
            continue
        kept[number].append(symbol)
        before = symbol
    return [row._replace(symbols=tuple(symbols)) for row, symbols in zip(rows, kept, strict=True)]


class _Builder:
    def __init__(self, config: LyricsConfig, findings: Findings) -> None:
        self._ids: Mapping[str, int] = {symbol: index for index, symbol in enumerate(config.vocabulary)}
        self._sung = config.folding == "sung"
        self._passing = frozenset(TAGS) if self._sung else frozenset(self._ids)
        self._findings = findings
        self._accent_told = False

    def piece(self, piece: Piece) -> PieceRows:
        """Return the rows of one piece, and tell what is guessed or lost."""
        if not piece.text:
            if self._sung:
                return PieceRows(piece, (), 0, 0)
            self._findings.note("empty-row", piece.line, piece.column, "a double space is a row of its own (symbol 0)")
            return PieceRows(piece, ("",), 0, 0)
        self._look_at_symbol(piece)
        symbols: list[str] = []
        words = syllables = 0
        for word in piece_words(piece.text, self._passing, piece.column):
            kept = self._known(word, piece)
            symbols.extend(kept)
            if any(symbol not in _SILENT for symbol in kept):
                words += 1
                syllables += word.syllables
        return PieceRows(piece, tuple(symbols), words, syllables)

    def _known(self, word: Word, piece: Piece) -> list[str]:
        said = fold_word(word) if self._sung else word
        kept = [symbol for symbol in said.phonemes if symbol in self._ids]
        unknown = [symbol for symbol in said.phonemes if symbol not in self._ids]
        where = (piece.line, word.column)
        if not kept and any(char.isalnum() for char in word.text):
            self._findings.warn("dropped-word", *where, f"'{word.text}' has no sound in this model: not sung")
        elif unknown:
            missing = " ".join(dict.fromkeys(unknown))
            self._findings.warn("dropped-symbol", *where, f"the model has no symbol {missing} ('{word.text}')")
        elif word.dropped:
            dropped = " ".join(dict.fromkeys(word.dropped))
            self._findings.warn("dropped-character", *where, f"{dropped} in '{word.text}' has no sound: left out")
        if kept and word.guessed:
            sounds = " ".join(kept)
            self._findings.note("guessed-word", *where, f"'{word.text}' is in no dictionary: guessed as {sounds}")
        if self._sung and not self._accent_told and any(is_mandarin(symbol) for symbol in word.phonemes):
            self._accent_told = True
            self._findings.warn("accent", *where, "this model sings Mandarin with English sounds: with an accent")
        return kept

    def _look_at_symbol(self, piece: Piece) -> None:
        text = piece.text
        if text in self._passing and text.isalpha() and text.isascii() and text.lower() not in _WORDS_THAT_ARE_SYMBOLS:
            message = f"'{text}' is the sound {text} to this model, not the letter: write how it is said ('bee' for B)"
            self._findings.warn("symbol-word", piece.line, piece.column, message)
