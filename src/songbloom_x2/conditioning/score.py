"""The lyric score: the lyrics as the embedded model's pointer walks them, one sung phoneme after the other.

It knows nothing of time, sound or the network: only which phonemes come, in which order, and what lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from songbloom_x2.config import AlignmentConfig, LyricsConfig

INSTRUMENTAL_TAGS = ("[intro]", "[inst]", "[outro]", "[silence]")
GAP_NONE, GAP_SENTENCE, GAP_SECTION = 0, 1, 2
GAP_INSTRUMENTAL = 3


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


def _walk(
    ids: Sequence[int], vocabulary: Sequence[str], phonemes: dict[str, int], config: AlignmentConfig
) -> tuple[list[int], list[int], list[int], list[int]]:
    classes: list[int] = []
    rows: list[int] = []
    gap: list[int] = []
    sentence_of: list[int] = []
    between, instrumental, sentence = GAP_NONE, 0, 0
    for row, symbol_id in enumerate(ids):
        symbol = vocabulary[symbol_id]
        phoneme = phonemes.get(symbol)
        if phoneme is None:
            if symbol in INSTRUMENTAL_TAGS:
                instrumental += 1
            if symbol == "." or symbol == ",":
                between = max(between, GAP_SENTENCE)
                sentence += 1
            elif symbol.startswith("["):
                between = GAP_SECTION
                sentence += 1
            continue
        gap.append(between if not instrumental else GAP_INSTRUMENTAL + instrumental)
        between, instrumental = GAP_NONE, 0
        classes.append(phoneme)
        rows.append(row)
        sentence_of.append(sentence)
    gap.append(GAP_SECTION if not instrumental else GAP_INSTRUMENTAL + instrumental)
    return classes, rows, [min(g, config.gap_buckets - 1) for g in gap], [*_left(sentence_of), 0]


def _left(sentence_of: list[int]) -> list[int]:
    left = [1] * len(sentence_of)
    for i in range(len(sentence_of) - 2, -1, -1):
        if sentence_of[i] == sentence_of[i + 1]:
            left[i] = left[i + 1] + 1
    return left


def lyric_score(ids: Sequence[Sequence[int]], lyrics: LyricsConfig, config: AlignmentConfig) -> LyricScore:
    """The score of ``B`` songs from the symbol ids of their lyric rows."""
    phonemes = {symbol: i for i, symbol in enumerate(config.layout.phonemes)}
    walked = [_walk(song, lyrics.vocabulary, phonemes, config) for song in ids]
    longest = max([1, *(len(classes) for classes, _, _, _ in walked)])
    size = len(walked)
    classes = torch.zeros(size, longest, dtype=torch.long)
    rows = torch.zeros(size, longest, dtype=torch.long)
    gap = torch.zeros(size, longest + 1, dtype=torch.long)
    left = torch.zeros(size, longest + 1, dtype=torch.long)
    count = torch.zeros(size, dtype=torch.long)
    for song, (song_classes, song_rows, song_gap, song_left) in enumerate(walked):
        n = len(song_classes)
        count[song] = n
        classes[song, :n] = torch.tensor(song_classes, dtype=torch.long)
        rows[song, :n] = torch.tensor(song_rows, dtype=torch.long)
        gap[song, : n + 1] = torch.tensor(song_gap, dtype=torch.long)
        left[song, : n + 1] = torch.tensor(song_left, dtype=torch.long).clamp(max=config.left_buckets - 1)
    return LyricScore(classes, rows, gap, left, count)
