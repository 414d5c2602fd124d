"""Lyrics beside a song: the lines as people wrote them, and when each word is sung.

The times come from a song's LRC file with the time of each word (``<mm:ss.xx>``); models that tell no times have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_STAMP = re.compile(r"<(\d+):(\d+(?:\.\d+)?)>")
_TAG = re.compile(r"(\[[^\]\n]*\])")
_TAG_NAME = re.compile(r"\[\s*([^\W\d_]+)")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*")


@dataclass(frozen=True)
class HeardWord:
    """A word and when it is sung, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SungLine:
    """A line of the lyrics, or, with ``section``, the tag that begins one. ``words``: empty where no times are."""

    text: str = ""
    section: str | None = None
    words: tuple[HeardWord, ...] = ()


def heard_words(lrc: str) -> list[HeardWord]:
    """The words of an LRC file in the order they are sung; nothing for lines without the times of their words."""
    words: list[HeardWord] = []
    for line in lrc.splitlines():
        stamps = list(_STAMP.finditer(line))
        for stamp, after in pairwise(stamps):
            if text := line[stamp.end() : after.start()].strip():
                words.append(HeardWord(text, _seconds(stamp), _seconds(after)))
    return words


def sung_lines(lyrics: str, words: Sequence[HeardWord]) -> list[SungLine]:
    """The lyrics line by line, each with its words. Lyrics on one line are parted at their sections and sentences."""
    pieces = _pieces(lyrics)
    letters = [_letters(piece.text) for piece in pieces]
    taken: list[list[HeardWord]] = [[] for _ in pieces]
    at, place = 0, 0
    for word in words:
        sought = _letters(word.text)
        found = _find(letters, sought, at, place)
        if found is not None:
            at, place = found
            place += len(sought)
        elif not pieces:
            break
        # A word that was respelled on its way to the model stays where the song is.
        if pieces[at].section is None:
            taken[at].append(word)
    return [SungLine(piece.text, piece.section, tuple(mine)) for piece, mine in zip(pieces, taken, strict=True)]


def _find(letters: list[str], sought: str, at: int, place: int) -> tuple[int, int] | None:
    """The line, and the place in it, where a word comes next: on this line, or on one of the next few."""
    for line in range(at, min(at + 6, len(letters))):
        found = letters[line].find(sought, place if line == at else 0)
        if sought and found >= 0:
            return line, found
    return None


def _pieces(lyrics: str) -> list[SungLine]:
    one_line = "\n" not in lyrics.strip()
    pieces: list[SungLine] = []
    for line in lyrics.splitlines():
        for part in _TAG.split(line):
            text = part.strip().strip(",").strip()
            if not text:
                continue
            if tag := _TAG_NAME.match(text):
                pieces.append(SungLine(section=tag[1].lower()))
            else:
                pieces += [
                    SungLine(one.strip()) for one in (_SENTENCE.split(text) if one_line else [text]) if one.strip()
                ]
    return pieces


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _seconds(stamp: re.Match[str]) -> float:
    return int(stamp[1]) * 60 + float(stamp[2])
