"""Pasted text to lines of plain characters: refuses what is no lyrics, removes what cannot be sung and says so."""

from __future__ import annotations

import re
import unicodedata

from songbloom_x2.errors import LyricsError
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.marked import Marked

LONGEST = 10_000
"""Characters; several times what fits the models, more than the wordiest songs have."""

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_SPELLED_OUT = {
    **{"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"},
    **{"đ": "d", "Đ": "D", "ð": "th", "þ": "th", "ı": "i", "…": "...", "№": "#"},
}
_REPLACED = {
    **dict.fromkeys("’‘‛ʼʹ′`´＇", "'"),
    **dict.fromkeys("“”„‟«»‹›「」『』《》〈〉〝〞＂", '"'),
    **dict.fromkeys("【〔〖［", "["),
    **dict.fromkeys("】〕〗］", "]"),
    **dict.fromkeys("‐‑", "-"),
    **dict.fromkeys("‒–—―─⸺", " - "),
    **{"。": ".", "｡": ".", "、": ",", "､": ",", "・": " ", "·": " ", "•": " ", "～": "~", "〜": "~", "¥": "￥"},
}
_REMOVED_CATEGORIES = {
    **dict.fromkeys(("Cc", "Cf"), "control character"),
    **dict.fromkeys(("So", "Sk", "Cs", "Co", "Cn"), "emoji or picture"),
}
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")


def refuse(text: str) -> None:
    """Raise ``LyricsError`` for what cannot be lyrics: too long, NUL characters, a right-to-left script."""
    if len(text) > LONGEST:
        raise LyricsError(f"the lyrics have {len(text):,} characters: a song has at most {LONGEST:,}; give one song")
    for number, line in enumerate(text.splitlines(), 1):
        for column, char in enumerate(line, 1):
            if char == "\0":
                raise LyricsError(f"line {number}, column {column} holds a NUL character: give a plain text file")
            if char > "\u0590" and unicodedata.bidirectional(char) in _RIGHT_TO_LEFT:
                raise LyricsError(
                    f"line {number}, column {column} is in a right-to-left script: English and Mandarin can be sung"
                )


def clean(text: str, findings: Findings) -> list[Marked]:
    """Return the lines of ``text`` in plain characters; what is removed is told in ``findings``."""
    lines = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        removed: dict[str, tuple[int, str]] = {}
        plain: list[str] = []
        columns: list[int] = []
        for column, char in enumerate(line, 1):
            new = _plain(char)
            if new is None:
                kind = _REMOVED_CATEGORIES.get(unicodedata.category(char), "emoji or picture")
                first, seen = removed.get(kind, (column, ""))
                removed[kind] = (first, seen if char in seen or char in _JOINERS else seen + char)
                continue
            plain.append(new)
            columns += [column] * len(new)
        for kind, (column, seen) in removed.items():
            findings.warn("removed-character", number, column, f"removed {kind}: {_shown(seen)}")
        lines.append(Marked("".join(plain), tuple(columns), number))
    return lines


def is_plain(line: str) -> bool:
    """Tell whether cleaning leaves every character of a line alone."""
    return all(_plain(char) == char for char in line)


def _plain(char: str) -> str | None:
    """Return what stands for a character (accents that stand apart: nothing); none where it is removed and told."""
    if " " <= char <= "~":
        return "'" if char == "`" else char
    if char in _REPLACED:
        return _REPLACED[char]
    if char in _SPELLED_OUT:
        return _SPELLED_OUT[char]
    if char in _JOINERS:
        return None
    category = unicodedata.category(char)
    if char == "\t" or category == "Zs":
        return " "
    if category in ("Mn", "Me"):
        return ""
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    if category in _REMOVED_CATEGORIES and char not in "°":
        return None
    return char


def _shown(seen: str) -> str:
    names = (char if char.isprintable() else f"U+{ord(char):04X}" for char in seen[:5])
    return " ".join(names) or "joiners"


_MARKDOWN = (
    re.compile(r"^\s*(?:```.*|[-*_=~]{3,}\s*)$"),
    re.compile(r"^\s*(?:#{1,6}\s+|>+\s*|[-*+]\s+(?=[\[(]))"),
    re.compile(r"\*+|__+|~~+|<br\s*/?>|</?[bip]>|&nbsp;"),
)
_DOUBLE_BRACKETS = (re.compile(r"\[{2,}"), re.compile(r"\]{2,}"))


def without_markdown(line: Marked) -> Marked:
    """Return the line without heading marks, rules, emphasis and the few HTML tags pasted along."""
    for pattern in _MARKDOWN:
        line = line.sub(pattern, " " if pattern is _MARKDOWN[2] else "")
    for pattern, bracket in zip(_DOUBLE_BRACKETS, "[]", strict=True):
        line = line.sub(pattern, bracket)
    return line
