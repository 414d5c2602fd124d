"""Lyrics to symbol ids, with everything worth telling on the way."""

from __future__ import annotations

from songbloom_x2.config import LyricsConfig
from songbloom_x2.text.fold import fold_word
from songbloom_x2.text.phonemize import piece_words
from songbloom_x2.types import Finding, PreparedLyrics


def prepare_lyrics(text: str, config: LyricsConfig, *, instrumental_seconds: float) -> PreparedLyrics:
    """Return ids of ``text`` in ``config.vocabulary``; nothing is dropped or cut without a finding."""
    ids = {symbol: index for index, symbol in enumerate(config.vocabulary)}
    symbols: list[str] = []
    findings: list[Finding] = []
    column = 1
    for piece in text.replace("\n", " ").split(" "):
        if not piece:
            symbols.append("")
        for word in piece_words(piece, ids, column):
            said = fold_word(word) if config.folding == "sung" else word
            if word.guessed:
                findings.append(Finding("note", "guessed-word", 1, word.column, f"'{word.text}' is guessed"))
            for phoneme in said.phonemes:
                if phoneme in ids:
                    symbols.append(phoneme)
                else:
                    findings.append(
                        Finding("warning", "dropped-symbol", 1, word.column, f"no symbol {phoneme} for '{word.text}'")
                    )
        column += len(piece) + 1
    kept = symbols[: config.max_len]
    if len(kept) < len(symbols):
        findings.append(Finding("warning", "cut", 1, 1, f"{len(symbols) - len(kept)} rows are cut"))
    return PreparedLyrics(text, tuple(kept), tuple(ids[s] for s in kept), tuple(findings), instrumental_seconds)
