"""The lyric score: the lyrics as the embedded model's pointer walks them, one sung phoneme after the other.

It knows nothing of time, sound or the network: only which phonemes come, in which order, and what lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from songbloom_x2.conditioning.lyric_walk import lyric_walk
from songbloom_x2.config import AlignmentConfig, LyricsConfig


@dataclass(frozen=True)
class LyricScore:
    """``n`` sung phonemes of ``B`` songs (padded to the longest).

    ``classes``, ``rows`` int64 ``[B, n]``: phoneme index in the layout, and its row among the lyric rows.
    ``gap``, ``left`` int64 ``[B, n + 1]``: at pointer ``p`` (``p`` phonemes already begun) what lies before the next
    one (0 nothing, 1 end of sentence, 2 end of section, 3 + k: k instrumental tags), and how many sung phonemes the
    sentence still has. ``count`` int64 ``[B]``.
    """

    classes: Tensor
    rows: Tensor
    gap: Tensor
    left: Tensor
    count: Tensor

    def to(self, device: torch.device | str) -> LyricScore:
        """The same score on another device."""
        return LyricScore(*(t.to(device) for t in (self.classes, self.rows, self.gap, self.left, self.count)))


def lyric_score(ids: Sequence[Sequence[int]], lyrics: LyricsConfig, config: AlignmentConfig) -> LyricScore:
    """The score of ``B`` songs from the symbol ids of their lyric rows."""
    walks = [lyric_walk(song, lyrics, config) for song in ids]
    longest = max([1, *(len(walk.classes) for walk in walks)])
    size = len(walks)
    classes = torch.zeros(size, longest, dtype=torch.long)
    rows = torch.zeros(size, longest, dtype=torch.long)
    gap = torch.zeros(size, longest + 1, dtype=torch.long)
    left = torch.zeros(size, longest + 1, dtype=torch.long)
    count = torch.zeros(size, dtype=torch.long)
    for song, walk in enumerate(walks):
        n = len(walk.classes)
        count[song] = n
        classes[song, :n] = torch.tensor(walk.classes, dtype=torch.long)
        rows[song, :n] = torch.tensor(walk.rows, dtype=torch.long)
        gap[song, : n + 1] = torch.tensor(walk.gap, dtype=torch.long)
        left[song, : n + 1] = torch.tensor(walk.left, dtype=torch.long)
    return LyricScore(classes, rows, gap, left, count)
