"""Numbers beside Chinese characters, written out in Chinese: dates, times, percentages, fractions, counts."""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_SCALES = ("", "万", "亿", "万亿")
_MEASURES = "个只次天年人颗遍双句首点分秒位条张片朵场滴步岁种杯封座层间扇盏声里米块月周件本支根段声"


def _digit_by_digit(text: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in text)


def cardinal(text: str) -> str:
    """Return a whole number (decimal digits) as it is counted (2025: 二千零二十五); from 17 digits on, by digit."""
    text = text.lstrip("0") or "0"
    if text == "0":
        return "零"
    if len(text) > 16:
        return _digit_by_digit(text)
    groups = [text[max(0, end - 4) : end] for end in range(len(text), 0, -4)]
    said = ""
    gap = False
    for scale in range(len(groups) - 1, -1, -1):
        value = int(groups[scale])
        if value == 0:
            gap = True
            continue
        if said and (gap or value < 1000):
            said += "零"
        said += _below_ten_thousand(value) + _SCALES[scale]
        gap = False
    return said.removeprefix("一") if said.startswith("一十") else said


def _below_ten_thousand(value: int) -> str:
    said = ""
    gap = False
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _UNITS[place]
            gap = False
        else:
            gap = True
    return said


def _number(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return cardinal(whole) + (f"点{_digit_by_digit(fraction)}" if fraction else "")


def _clock(match: re.Match[str]) -> str:
    minutes = int(match[2])
    said = "" if minutes == 0 else ("零" if minutes < 10 else "") + cardinal(match[2]) + "分"
    return f"{_counted(match[1])}点{said}"


def _counted(text: str) -> str:
    return "两" if text == "2" else cardinal(text)


_RULES = (
    (re.compile(r"(?<!\d)(\d{4}|\d{2})(?=年)"), lambda match: _digit_by_digit(match[1])),
    (re.compile(r"(?<!\d)(\d{1,2})[:：](\d{2})(?!\d)分?"), _clock),
    (re.compile(r"(\d+(?:\.\d+)?)[%％]"), lambda match: f"百分之{_number(match[1])}"),
    (re.compile(r"(\d+)/(\d+)"), lambda match: f"{cardinal(match[2])}分之{cardinal(match[1])}"),
    (re.compile(r"\d+\.\d+"), lambda match: _number(match[0])),
    (re.compile(r"\d{8,}"), lambda match: _digit_by_digit(match[0]).replace("一", "幺")),
    (re.compile(rf"(?<!\d)2(?=[{_MEASURES}])(?!月)"), lambda match: "两"),
    (re.compile(r"\d+"), lambda match: cardinal(match[0])),
)

BESIDE_CHINESE = re.compile(
    r"(?<=[\u4e00-\u9fa5])\d+(?:[.:：/]\d+)*[%％]?|(?<![\d.:：/])\d+(?:[.:：/]\d+)*[%％]?(?=[\u4e00-\u9fa5])"
)
"""A number with a Chinese character right before or after it."""


def read_out(number: str, following: str) -> str:
    """Return a number (as matched by ``BESIDE_CHINESE``) in Chinese; ``following`` is the character after it."""
    text = number + following
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    return text.removesuffix(following) if following else text
