"""What stands in pasted lyrics for words, written as words: money, percentages, times, signs, titles.

The released front end loses or mangles these (``$5`` becomes the end of a sentence and ``five``), so they are spelled
out before it sees them; every change is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from songbloom_x2.errors import LyricsError
from songbloom_x2.text import english_numbers, mandarin_numbers
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.marked import Marked

_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "￥": ("yuan", "fen")}
_MOST_DIGITS = 40
_PLURALS = {"penny": "pence", "yuan": "yuan", "fen": "fen"}
_TITLES = {"mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "vs": "versus"}
_SIGNS = {"&": " and ", "+": " plus ", "@": " at ", "=": " equals ", "%": " percent ", "°": " degrees "}


def _plain(words: str) -> str:
    """Return a number's words without the commas and hyphens, which the front end does not take for silence."""
    return words.replace(",", "").replace("-", " ")


def _cardinal(number: int) -> str:
    return _plain(english_numbers.cardinal(number))


def _amount(count: int, unit: str) -> str:
    return f"{_cardinal(count)} {unit if count == 1 else _PLURALS.get(unit, unit + 's')}"


def _whole(text: str) -> int:
    return int(text.replace(",", "")[:18] or "0")


def _money(match: re.Match[str]) -> str:
    unit, cent = _CURRENCIES[match[1]]
    whole, cents = _whole(match[2]), int((match[3] or "0").ljust(2, "0"))
    parts = [_amount(whole, unit)] if whole or not cents else []
    return " and ".join([*parts, *([_amount(cents, cent)] if cents else [])])


def _clock(match: re.Match[str]) -> str:
    hour, minutes = _cardinal(int(match[1])), int(match[2])
    if minutes == 0:
        said = f"{hour} o'clock" if match[3] is None else hour
    else:
        said = f"{hour} {'oh ' if minutes < 10 else ''}{_cardinal(minutes)}"
    return said + (_half_day(match[3]) if match[3] else "")


def _half_day(letters: str) -> str:
    return " ay em" if letters.casefold().startswith("a") else " pee em"


def _decade(match: re.Match[str]) -> str:
    said = _plain(english_numbers.read_out(match[1]))
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _decimal(match: re.Match[str]) -> str:
    return f"{_cardinal(_whole(match[1]))} point {english_numbers.digits(match[2])}"


def _whole_number(match: re.Match[str]) -> str:
    if len(match[0]) > _MOST_DIGITS:
        raise LyricsError(f"a number of {len(match[0])} digits cannot be sung: leave it out or write it in words")
    return _plain(english_numbers.read_out(match[0].replace(",", "")))


_ASCII = re.ASCII | re.IGNORECASE
_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"([$€£￥])\s?(\d[\d,]*)(?:\.(\d{1,2}))?(?!\d)", _ASCII), _money),
    (re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])(?:\s?([ap]\.?m\b\.?))?", _ASCII), _clock),
    (
        re.compile(r"(?<![\d.])(\d{1,2})\s?([ap])\.?m\b\.?", _ASCII),
        lambda match: _cardinal(int(match[1])) + _half_day(match[2]),
    ),
    (re.compile(r"(?<!\d)((?:1\d|20)?[1-9]0)'?s\b", _ASCII), _decade),
    (re.compile(r"(?<![\d.])(\d+)\.(\d{1,12})(?![\d.])", _ASCII), _decimal),
    (re.compile(r"#\s?(?=\d)", _ASCII), lambda match: "number "),
    (
        re.compile(r"\b\d{3,}(?:-\d{3,})+\b", _ASCII),
        lambda match: english_numbers.digits(match[0].replace("-", "")),
    ),
    (re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d+(?:st|nd|rd|th)?\b", _ASCII), _whole_number),
    (re.compile(r"\b(mr|mrs|ms|dr|vs|st)\.(?=\s)", _ASCII), lambda match: _TITLES[match[1].casefold()]),
    (re.compile(r"(?:(?<=\s)|^)(?:'n'|n'|'n)(?=\s|$)", _ASCII), lambda match: "and"),
    (re.compile(r"\b(?:[A-Za-z]\.){2,}"), lambda match: match[0].replace(".", "")),
    (re.compile(r"(?<!\w)w/(?=\s|\w)", _ASCII), lambda match: "with "),
    (re.compile(r"[&+@=%°]"), lambda match: _SIGNS[match[0]]),
)


def spell_out(line: Marked, findings: Findings) -> Marked:
    """Return a line with its numbers and signs as words, and tell of each change (``read-out``)."""

    def told(said: Callable[[re.Match[str]], str], current: Marked) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            words = said(match)
            column = current.columns[match.start()]
            findings.note("read-out", line.line, column, f"'{match[0].strip()}' is sung as '{words.strip()}'")
            return words

        return replace

    def chinese(match: re.Match[str]) -> str:
        return mandarin_numbers.read_out(match[0], match.string[match.end() : match.end() + 1])

    line = line.sub(mandarin_numbers.BESIDE_CHINESE, told(chinese, line))
    for pattern, said in _RULES:
        line = line.sub(pattern, told(said, line))
    return line
