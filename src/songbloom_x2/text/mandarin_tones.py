"""Tone changes of connected Mandarin: which words are said together, and what that does to their tones.

Rules as in the front end that the released models were trained with (PaddleSpeech's, described in our own words):
words that belong together are merged first, then 不, 一, neutral tones and third tones are changed inside each word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

Splitter = Callable[[str], tuple[str, str]]
"""Splits a word where its likeliest inner word begins or ends."""

Reader = Callable[[str], tuple[int, ...]]
"""The dictionary's tone of each character of a word: 1 to 5, or 0 where there is none."""

_NEVER_NEUTRAL = frozenset(
    {"男子", "女子", "分子", "原子", "量子", "莲子", "石子", "瓜子", "电子", "人人", "虎虎"},
)
_PARTICLES = frozenset("吧呢哈啊呐噻嘛吖嗨哦哒额滴哩哟喽啰耶喔诶的地得")
_MEASURED = frozenset("几有两半多各整每做是")


class Segment(NamedTuple):
    """A word and its part of speech (jieba's letters)."""

    word: str
    pos: str


@lru_cache(maxsize=1)
def _neutral_words() -> frozenset[str]:
    table = resources.files("songbloom_x2.text").joinpath("data/neutral_tone_words.txt")
    return frozenset(table.read_text(encoding="utf-8").split())


def merge(segments: list[Segment], read: Reader) -> list[Segment]:
    """Join words that are said as one: 不 and 一 with what follows, reduplications, short runs of third tones, 儿."""

    def both_third(before: Segment, after: Segment) -> bool:
        return _third(read(before.word)) and _third(read(after.word)) and _short_pair(before, after)

    def meeting_third(before: Segment, after: Segment) -> bool:
        return read(before.word)[-1] == 3 and read(after.word)[0] == 3 and _short_pair(before, after)

    segments = _merge_yi(_merge_bu(segments))
    segments = _merge_chains(segments, lambda before, after: before.word == after.word)
    segments = _merge_pairs(segments, both_third)
    segments = _merge_pairs(segments, meeting_third)
    return _merge_chains(segments, lambda before, after: after.word == "儿")


def changed_tones(segment: Segment, read: Reader, split: Splitter) -> tuple[int, ...]:
    """Return the tones of a merged word as they are said."""
    tones = list(read(segment.word))
    _change_bu(segment.word, tones)
    _change_yi(segment.word, tones)
    _neutralise(segment.word, segment.pos, tones, split)
    _change_third(segment.word, tones, split)
    return tuple(tones)


def _join(before: Segment, after: Segment) -> Segment:
    return Segment(before.word + after.word, before.pos)


def _merge_chains(segments: list[Segment], belong: Callable[[Segment, Segment], bool]) -> list[Segment]:
    """Append a word to all that was joined before it, where they ``belong``."""
    merged: list[Segment] = []
    for segment in segments:
        if merged and belong(merged[-1], segment):
            merged[-1] = _join(merged[-1], segment)
        else:
            merged.append(segment)
    return merged


def _merge_pairs(segments: list[Segment], belong: Callable[[Segment, Segment], bool]) -> list[Segment]:
    """Append a word to its neighbour where the two ``belong``; a neighbour that was appended itself takes none."""
    merged: list[Segment] = []
    appended = False
    for index, segment in enumerate(segments):
        appended = index > 0 and not appended and belong(segments[index - 1], segment)
        if appended:
            merged[-1] = _join(merged[-1], segment)
        else:
            merged.append(segment)
    return merged


def _short_pair(before: Segment, after: Segment) -> bool:
    reduplicated = len(before.word) == 2 and before.word[0] == before.word[1]
    return not reduplicated and len(before.word) + len(after.word) <= 3


def _third(tones: tuple[int, ...] | list[int]) -> bool:
    return all(tone == 3 for tone in tones)


def _merge_bu(segments: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    waiting: Segment | None = None
    for segment in segments:
        if waiting is not None:
            segment = _join(waiting, segment)._replace(pos=segment.pos)
            waiting = None
        if segment.word == "不":
            waiting = segment
        else:
            merged.append(segment)
    return merged if waiting is None else [*merged, waiting._replace(pos="d")]


def _merge_yi(segments: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    index = 0
    while index < len(segments):
        segment = segments[index]
        after = segments[index + 1] if index + 1 < len(segments) else None
        before = merged[-1] if merged else None
        if segment.word == "一" and before is not None and before.pos == "v" and after and before.word == after.word:
            merged[-1] = _join(_join(before, segment), after)
            index += 2
        elif before is not None and before.word == "一":
            merged[-1] = _join(before, segment)
            index += 1
        else:
            merged.append(segment)
            index += 1
    return merged


def _change_bu(word: str, tones: list[int]) -> None:
    if len(word) == 3 and word[1] == "不":
        tones[1] = 5
        return
    for index, (char, following) in enumerate(zip(word, tones[1:], strict=False)):
        if char == "不" and following == 4:
            tones[index] = 2


def _change_yi(word: str, tones: list[int]) -> None:
    if "一" not in word or all(char.isnumeric() for char in word):
        return
    if len(word) == 3 and word[1] == "一" and word[0] == word[2]:
        tones[1] = 5
    elif word.startswith("第一"):
        tones[1] = 1
    else:
        for index, char in enumerate(word[:-1]):
            if char == "一":
                tones[index] = 2 if tones[index + 1] == 4 else 4


def _neutralise(word: str, pos: str, tones: list[int], split: Splitter) -> None:
    for index in range(1, len(word)):
        if word[index] == word[index - 1] and pos[0] in "nva" and word not in _NEVER_NEUTRAL:
            tones[index] = 5
    measure = word.find("个")
    last = word[-1]
    if (
        last in _PARTICLES
        or (word in ("了", "着", "过") and pos in ("ul", "uz", "ug"))
        or (len(word) > 1 and last in "们子" and pos in ("r", "n") and word not in _NEVER_NEUTRAL)
        or (len(word) > 1 and last in "上下里" and pos in ("s", "l", "f"))
        or (len(word) > 1 and last in "来去" and word[-2] in "上下进出回过起开")
    ):
        tones[-1] = 5
    elif word == "个" or (measure >= 1 and (word[measure - 1].isnumeric() or word[measure - 1] in _MEASURED)):
        tones[measure] = 5
    elif word[-2:] in _neutral_words():
        tones[-1] = 5
    end = 0
    for part in split(word):
        end += len(part)
        if part[-2:] in _neutral_words():
            tones[end - 1] = 5


def _change_third(word: str, tones: list[int], split: Splitter) -> None:
    if len(word) == 2:
        if _third(tones):
            tones[0] = 2
    elif len(word) == 3:
        _change_three(tones, len(split(word)[0]))
    elif len(word) == 4:
        for start in (0, 2):
            if _third(tones[start : start + 2]):
                tones[start] = 2


def _change_three(tones: list[int], head: int) -> None:
    """Change a word of three characters whose first part has ``head`` of them (3: it has no parts)."""
    if _third(tones):
        if head in (1, 2):
            tones[1] = 2
        if head == 2:
            tones[0] = 2
    elif head == 2:
        if _third(tones[:2]):
            tones[0] = 2
    elif head == 1:
        if _third(tones[1:]):
            tones[1] = 2
        elif tones[1] == 3 and tones[0] == 3:
            tones[0] = 2
