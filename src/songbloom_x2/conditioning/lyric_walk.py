"""The order in which the embedded model's pointer walks the lyrics: sung phonemes and what lies between them.

Plain numbers; ``conditioning.score`` makes tensors of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from songbloom_x2.config import AlignmentConfig, LyricsConfig

INSTRUMENTAL_TAGS = ("[intro]", "[inst]", "[outro]", "[silence]")
GAP_NONE, GAP_SENTENCE, GAP_SECTION = 0, 1, 2
GAP_INSTRUMENTAL = 3


@dataclass(frozen=True)
class LyricWalk:
    """One song's ``n`` sung phonemes; the fields are those of ``LyricScore``, ``gap`` and ``left`` one longer."""

    classes: tuple[int, ...]
    rows: tuple[int, ...]
    gap: tuple[int, ...]
    left: tuple[int, ...]


def lyric_walk(ids: Sequence[int], lyrics: LyricsConfig, config: AlignmentConfig) -> LyricWalk:
    """The walk over the lyric rows with these symbol ids."""
    phonemes = {symbol: i for i, symbol in enumerate(config.layout.phonemes)}
    classes: list[int] = []
    rows: list[int] = []
    gap: list[int] = []
    sentence_of: list[int] = []
    between, instrumental, sentence = GAP_NONE, 0, 0
    for row, symbol_id in enumerate(ids):
        symbol = lyrics.vocabulary[symbol_id]
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
    left = [min(more, config.left_buckets - 1) for more in _left(sentence_of)]
    return LyricWalk(tuple(classes), tuple(rows), tuple(min(g, config.gap_buckets - 1) for g in gap), (*left, 0))


def _left(sentence_of: list[int]) -> list[int]:
    """How many sung phonemes each sentence still has, each phoneme's own included."""
    left = [1] * len(sentence_of)
    for i in range(len(sentence_of) - 2, -1, -1):
        if sentence_of[i] == sentence_of[i + 1]:
            left[i] = left[i + 1] + 1
    return left
