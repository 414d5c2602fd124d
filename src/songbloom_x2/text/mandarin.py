"""Mandarin: characters to initials and finals with tone digits, in the released vocabulary's spelling."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from importlib import resources

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.text.mandarin_spelling import symbols
from songbloom_x2.text.mandarin_tones import Segment, changed_tones, merge
from songbloom_x2.text.words import Word

_INTERJECTIONS = str.maketrans({"嗯": "恩", "呣": "母"})


def run_words(run: str, column: int) -> list[Word]:
    """Return the words of a run of Chinese characters, with their symbols.

    Raises ``MissingExtraError`` where the extra ``zh`` is not installed.
    """
    if any(importlib.util.find_spec(package) is None for package in ("pypinyin", "jieba")):
        raise MissingExtraError("Chinese lyrics", "zh")
    text = run.translate(_simplified()).translate(_INTERJECTIONS)
    words = []
    start = 0
    for segment, syllables in _said(text):
        written = run[start : start + len(segment.word)]
        phonemes: list[str] = []
        dropped = ""
        for char, syllable in zip(written, syllables, strict=True):
            if syllable is None:
                dropped += char
            else:
                phonemes.extend(syllable)
        words.append(Word(written, tuple(phonemes), False, column + start, dropped, len(phonemes) // 2))
        start += len(segment.word)
    return words


def _said(text: str) -> list[tuple[Segment, list[tuple[str, str] | None]]]:
    """Return the merged words of simplified text, and the two symbols of each character (none: no reading)."""
    import jieba.posseg

    _quiet_segmenter()
    said = []
    for segment in merge([Segment(token.word, token.flag) for token in jieba.posseg.lcut(text)], _tones):
        tones = changed_tones(segment, _tones, _split)
        syllables = zip(_syllables(segment.word), tones, strict=True)
        said.append((segment, [symbols(initial, final, tone) for (initial, final, _), tone in syllables]))
    return said


def _tones(word: str) -> tuple[int, ...]:
    return tuple(tone for *_, tone in _syllables(word))


@lru_cache(maxsize=8192)
def _syllables(word: str) -> tuple[tuple[str, str, int], ...]:
    """Return initial, final and tone of each character; tone 0 where a character has no reading."""
    from pypinyin import Style, lazy_pinyin

    initials = lazy_pinyin(word, style=Style.INITIALS, neutral_tone_with_five=True)
    finals = lazy_pinyin(word, style=Style.FINALS_TONE3, neutral_tone_with_five=True)
    return tuple(
        (initial, final[:-1], int(final[-1])) if final[-1:].isdigit() else ("", "", 0)
        for initial, final in zip(initials, finals, strict=True)
    )


@lru_cache(maxsize=8192)
def _split(word: str) -> tuple[str, str]:
    """Split a word at its shortest inner word that the search-mode segmenter finds; the second part may be empty."""
    import jieba

    inner = min(jieba.lcut_for_search(word), key=len)
    if word.startswith(inner):
        return inner, word[len(inner) :]
    return word[: -len(inner)], inner


@lru_cache(maxsize=1)
def _quiet_segmenter() -> None:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    table = resources.files("songbloom_x2.text").joinpath("data/simplified.txt").read_text(encoding="utf-8")
    traditional, simplified = table.split()
    return dict(zip(map(ord, traditional), simplified, strict=True))
