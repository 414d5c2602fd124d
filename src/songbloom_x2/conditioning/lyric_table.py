"""Which three look-ups make each lyric row: symbol, current section's tag, sentence number. Plain numbers, no network.

Format page, "Lyrics -> conditioning". Which ids are tags or punctuation follows from the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from songbloom_x2.config import LyricsConfig
from songbloom_x2.errors import LyricsError

EMPTY_LYRICS = (0,)
"""The empty text, as the unconditional branch sees it: the single symbol ``""``."""


@dataclass(frozen=True)
class LyricRow:
    """The three look-ups that are summed into one row: ids of symbol and structure, sentence index."""

    symbol: int
    structure: int
    sentence: int


def lyric_table(ids: Sequence[int], config: LyricsConfig) -> list[LyricRow]:
    """What is summed into each row, at most ``max_len`` of them.

    Raises ``LyricsError`` for an id outside the vocabulary.
    """
    vocabulary = config.vocabulary
    rows = []
    section, sentence = EMPTY_LYRICS[0], 1
    last = config.max_sentences - 1
    for symbol in ids[: config.max_len]:
        if not 0 <= symbol < len(vocabulary):
            size = len(vocabulary)
            raise LyricsError(f"lyrics: symbol id {symbol} is outside the model's vocabulary of {size} symbols")
        text = vocabulary[symbol]
        if text.startswith("[") and text.endswith("]"):
            section, sentence = symbol, 1
            rows.append(LyricRow(symbol, symbol, 0))
        elif text == ".":
            sentence += 1
            rows.append(LyricRow(symbol, symbol, 0))
        elif text == ",":
            rows.append(LyricRow(symbol, symbol, 0))
        else:
            rows.append(LyricRow(symbol, section, min(sentence, last)))
    return rows
