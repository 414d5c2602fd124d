"""Lyrics as rows in front of the sketch: symbol + current section's tag + sentence number.

Format page, "Lyrics -> conditioning". Works on symbol ids; which ids are tags or punctuation follows from the
vocabulary. How words become symbols is the text room's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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


class LyricsConditioner(nn.Module):
    """Symbol ids -> rows. Parameters: ``symbol``, ``sentence``, ``blank``."""

    def __init__(self, config: LyricsConfig, dim: int) -> None:
        """``dim``: width of the sketch LM."""
        super().__init__()
        self.config = config
        self.symbol = nn.Embedding(len(config.vocabulary), dim)
        self.sentence = nn.Embedding(config.max_sentences, dim)
        self.blank = nn.Parameter(torch.zeros(1, dim))
        self._tags = frozenset(i for i, s in enumerate(config.vocabulary) if s.startswith("[") and s.endswith("]"))
        self._stops = frozenset(i for i, s in enumerate(config.vocabulary) if s == ".")
        self._commas = frozenset(i for i, s in enumerate(config.vocabulary) if s == ",")

    def arrange(self, ids: Sequence[int]) -> list[LyricRow]:
        """What is summed into each row, at most ``max_len`` of them.

        Raises ``LyricsError`` for an id outside the vocabulary.
        """
        rows = []
        section, sentence = EMPTY_LYRICS[0], 1
        last = self.config.max_sentences - 1
        for symbol in ids[: self.config.max_len]:
            if not 0 <= symbol < len(self.config.vocabulary):
                size = len(self.config.vocabulary)
                raise LyricsError(f"lyrics: symbol id {symbol} is outside the model's vocabulary of {size} symbols")
            if symbol in self._tags:
                section, sentence = symbol, 1
                rows.append(LyricRow(symbol, symbol, 0))
            elif symbol in self._stops:
                sentence += 1
                rows.append(LyricRow(symbol, symbol, 0))
            elif symbol in self._commas:
                rows.append(LyricRow(symbol, symbol, 0))
            else:
                rows.append(LyricRow(symbol, section, min(sentence, last)))
        return rows

    def forward(self, songs: Sequence[Sequence[int]]) -> Tensor:
        """Symbol ids of ``B`` songs -> ``[B, rows, dim]``.

        ``rows`` is ``max_len``, or, where the config does not pad, the longest song's. What is left over is blank.
        """
        arranged = [self.arrange(ids) for ids in songs]
        length = self.config.max_len if self.config.pad else max(len(rows) for rows in arranged)
        table = torch.zeros(3, len(arranged), length, dtype=torch.int64)
        used = torch.zeros(len(arranged), length, dtype=torch.bool)
        for song, rows in enumerate(arranged):
            used[song, : len(rows)] = True
            for index, row in enumerate(rows):
                table[:, song, index] = torch.tensor((row.symbol, row.structure, row.sentence))
        symbol, structure, sentence = table.to(self.blank.device)
        summed = self.symbol(symbol) + self.symbol(structure) + self.sentence(sentence)
        return torch.where(used.to(self.blank.device)[..., None], summed, self.blank)
