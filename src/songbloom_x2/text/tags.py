"""Reads what stands in brackets, or on a header's line: a section, a repeat, a chord, or nothing known."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Literal

from songbloom_x2.text.aliases import (
    ALIASES,
    DIRECTIONS,
    HEADERS,
    INSTRUMENTS,
    LITTLE_WORDS,
    METADATA,
    ORDINALS,
    PLAIN_NAMES,
    REPEATERS,
    SCENERY,
)

Kind = Literal["section", "closing", "repeat", "metadata", "timestamp", "chord", "unknown"]


@dataclass(frozen=True)
class Reading:
    """What a bracket means.

    ``tag`` is a released tag without brackets; ``name`` what the section was called (``pre-chorus``), with its number;
    ``count`` how many times a tag is wanted (instrumental) or the words are sung; ``seconds`` how long it should last;
    ``rest`` what was said beside it.
    """

    kind: Kind
    tag: str = ""
    name: str = ""
    count: int = 1
    seconds: float | None = None
    rest: str = ""


_INSTRUMENTAL = frozenset({"intro", "inst", "outro", "silence"})
_TIMESTAMP = re.compile(r"\d{1,2}:\d{2}(?:[.:]\d{1,3})?")
_CHORD = re.compile(
    r"[A-G][#b♯♭]?(?:maj|min|m|M|dim|aug|sus|add)?\d{0,2}(?:sus\d|add\d+|[b#]\d)?(?:/[A-G][#b]?)?|N\.?C\.?"
)
_COUNT = re.compile(r"(?:[x×*]\s*(\d+)|(?<!\d)(\d+)\s*(?:x|×|times|遍|次))(?!\w)", re.IGNORECASE)
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)")
_SECONDS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?|秒)(?!\w)", re.IGNORECASE)
_BARS = re.compile(r"(?<!\w)(\d+)[\s-]*(?:bars?|measures?|小节|小節)(?!\w)", re.IGNORECASE)
_PARTS = re.compile(r"\s*[:：|,;(（/]\s*|\s+-+\s+")
_NUMBER = re.compile(r"[#＃]?\d+[a-z]?|[一二三四五六七八九十]")
_SECONDS_A_BAR = 2.0
_LONGEST_CONTENT = 120
"""Characters; more than that is no tag."""
_LONGEST_NAME = 4
"""Words; more than that in a bracket is a sentence and no name of a section."""


def read_tag(content: str) -> Reading:
    """Return what the content of a bracket (or a header without its colon) means."""
    text = " ".join(content.split())
    if len(text) > _LONGEST_CONTENT:
        return Reading("unknown")
    if _TIMESTAMP.fullmatch(text):
        return Reading("timestamp")
    if _CHORD.fullmatch(text):
        return Reading("chord")
    if text.startswith("/"):
        return Reading("closing" if read_tag(text[1:]).kind == "section" else "unknown")
    body, count, seconds = _amounts(text)
    head, _, rest = _first_part(body)
    words = [word for word in head.casefold().split() if word]
    if not words:
        return Reading("repeat", count=count) if count > 1 else Reading("unknown")
    section = _section(words)
    if section is not None:
        label = rest.strip(" )）")
        if label.isdigit() and section.tag in _INSTRUMENTAL:
            count, label = int(label), ""
        elif label.isdigit():
            section = replace(section, name=f"{section.name} {label}")
        return replace(section, count=count, seconds=seconds, rest=label or section.rest)
    if head.casefold() in METADATA and rest:
        return Reading("metadata", rest=rest)
    if set(words) & REPEATERS:
        others = [word for word in words if word not in REPEATERS | LITTLE_WORDS]
        target = _section(others) if others else Reading("repeat")
        if target is not None:
            return Reading("repeat", tag=target.tag, name=target.name, count=count)
    return Reading("unknown")


def is_direction(content: str, *, square: bool) -> bool:
    """Tell whether words in brackets tell how to perform, rather than being lyrics.

    In ``square`` brackets half the words must say so; in round ones, where backing vocals stand, every word must.
    """
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", content.casefold())
    performing = DIRECTIONS | INSTRUMENTS | (SCENERY if square else frozenset())
    known = sum(word in performing for word in words)
    beside = sum(word in (LITTLE_WORDS | ORDINALS | SCENERY) - performing for word in words)
    return known > 0 and known + beside >= len(words) * (0.5 if square else 1)


def nearest_name(content: str) -> str:
    """Return the known section name that looks most like ``content``, as a tag."""
    head = _first_part(content.casefold())[0].strip()
    bare = re.sub(r"[\d\W_]+$", "", head) or head
    names = difflib.get_close_matches(bare, sorted(HEADERS | PLAIN_NAMES), n=1, cutoff=0.5)
    return f"[{names[0]}]" if names else "[verse], [chorus], [bridge], [intro], [inst] or [outro]"


def looks_like_tag(content: str) -> bool:
    """Tell whether ``content`` is so near a section's name that it must be a slip of the keyboard."""
    bare = re.sub(r"[\d\W_]+$", "", content.casefold())
    return bool(difflib.get_close_matches(bare, ALIASES, n=1, cutoff=0.8)) and len(bare) > 3


def _first_part(text: str) -> tuple[str, str, str]:
    match = _PARTS.search(text)
    return (text, "", "") if match is None else (text[: match.start()], match.group(), text[match.end() :])


def _amounts(text: str) -> tuple[str, int, float | None]:
    """Return text without counts and lengths, the count (1 where none is given), and the length in seconds."""
    seconds: float | None = None
    clock, plain, bars = _CLOCK.search(text), _SECONDS.search(text), _BARS.search(text)
    if clock is not None:
        seconds, text = int(clock[1]) * 60.0 + int(clock[2]), _without(text, clock)
    elif plain is not None:
        seconds, text = float(plain[1]), _without(text, plain)
    elif bars is not None:
        seconds, text = int(bars[1]) * _SECONDS_A_BAR, _without(text, bars)
    count = _COUNT.search(text)
    if count is None:
        return text, 1, seconds
    return _without(text, count), int(count[1] or count[2]), seconds


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()].rstrip(' :：(（')} {text[match.end() :].lstrip(' )）')}".strip()


def _section(words: list[str]) -> Reading | None:
    """Find a section's name in a few words: alone, numbered, or at one end of a short description."""
    numbers = [word for word in words if _is_number(word)]
    bare = [word for word in words if not _is_number(word)] or words
    glued = re.fullmatch(r"(\D+?)[-_]?(\d+|[一二三四五六七八九十])", bare[-1])
    if glued is not None and (" ".join([*bare[:-1], glued[1]]) in ALIASES):
        bare, numbers = [*bare[:-1], glued[1]], [glued[2]]
    for name in (" ".join(bare), " ".join(words)):
        if name in ALIASES:
            number = f" {numbers[-1]}" if numbers and name != " ".join(words) else ""
            return Reading("section", ALIASES[name], name + number)
    if len(bare) > _LONGEST_NAME:
        return None
    for size in range(len(bare) - 1, 0, -1):
        ends = ((bare[-size:], bare[:-size]), (bare[:size], bare[size:]))
        for name_words, others in ends:
            name = " ".join(name_words)
            if len(name) > 2 and name in ALIASES and _describes(others, name):
                return Reading("section", ALIASES[name], " ".join([name, *numbers[-1:]]), rest=" ".join(others))
    return None


def _describes(others: list[str], name: str) -> bool:
    """Tell whether the words beside a section's name are a description of it."""
    described = DIRECTIONS | SCENERY | INSTRUMENTS | LITTLE_WORDS | ORDINALS
    if all(word in described for word in others):
        return True
    if set(others) & REPEATERS:
        return False
    return len(others) <= (1 if name in ("verse", "chorus", "bridge") else 2 * (ALIASES[name] in _INSTRUMENTAL))


def _is_number(word: str) -> bool:
    return word in ORDINALS or _NUMBER.fullmatch(word) is not None


def is_plain_name(name: str) -> bool:
    """Tell whether a section's name, its number aside, is a released tag's own."""
    return name.split(" ")[0] in PLAIN_NAMES
