"""Lyrics as rows in front of the sketch: symbol + current section's tag + sentence number.

Format page, "Lyrics -> conditioning". Works on symbol ids; how words become symbols is the text room's business.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from songbloom_x2.conditioning.lyric_table import lyric_table
from songbloom_x2.config import LyricsConfig


class LyricsConditioner(nn.Module):
    """Symbol ids -> rows. Parameters: ``symbol``, ``sentence``, ``blank``."""

    def __init__(self, config: LyricsConfig, dim: int) -> None:
        """``dim``: width of the sketch LM."""
        super().__init__()
        self.config = config
        self.symbol = nn.Embedding(len(config.vocabulary), dim)
        self.sentence = nn.Embedding(config.max_sentences, dim)
        self.blank = nn.Parameter(torch.zeros(1, dim))

    def forward(self, songs: Sequence[Sequence[int]]) -> Tensor:
        """Symbol ids of ``B`` songs -> ``[B, rows, dim]``.

        ``rows`` is ``max_len``, or, where the config does not pad, the longest song's. What is left over is blank.
        Raises ``LyricsError`` for an id outside the vocabulary.
        """
        arranged = [lyric_table(ids, self.config) for ids in songs]
        length = self.config.max_len if self.config.pad else max(len(rows) for rows in arranged)
        table = torch.zeros(3, len(arranged), length, dtype=torch.int64)
        used = torch.zeros(len(arranged), length, dtype=torch.bool)
        for song, rows in enumerate(arranged):
            used[song, : len(rows)] = True
            for index, row in enumerate(rows):
                table[:, song, index] = torch.tensor((row.symbol, row.structure, row.sentence))
        symbol, structure, sentence = table.to(self.blank.device)
        return self.summed(symbol, structure, sentence, used.to(self.blank.device))

    def summed(self, symbol: Tensor, structure: Tensor, sentence: Tensor, used: Tensor) -> Tensor:
        """Look-ups ``[B, rows]`` -> ``[B, rows, dim]``; blank where not ``used``."""
        rows = self.symbol(symbol) + self.symbol(structure) + self.sentence(sentence)
        return torch.where(used[..., None], rows, self.blank)
