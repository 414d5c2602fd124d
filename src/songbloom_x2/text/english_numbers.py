"""Numbers read out in English words, in the manner of the released models' front end."""

from __future__ import annotations

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", " thousand", " million", " billion", " trillion")
_IRREGULAR = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"},
    "twelve": "twelfth",
}
_LARGEST = 10**15


def cardinal(number: int, joiner: str = " ") -> str:
    """Return ``number`` (at least 0) in words; groups of thousands are parted by a comma.

    ``joiner`` stands between hundreds and tens (``" and "`` for ordinals). From 10**15 on, digits are read one by one.
    """
    if number >= _LARGEST:
        return digits(str(number))
    groups: list[str] = []
    rest = number
    for scale in _SCALES:
        rest, group = divmod(rest, 1000)
        if group:
            groups.insert(0, _below_thousand(group, joiner) + scale)
    if len(groups) > 1 and 0 < number % 1000 < 100:
        groups[-2:] = [joiner.join(groups[-2:])]
    return ", ".join(groups) or _ONES[0]


def _below_thousand(number: int, joiner: str) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest or not hundreds:
        words.append(_below_hundred(rest))
    return joiner.join(words)


def _below_hundred(number: int) -> str:
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def ordinal(number: int) -> str:
    """Return ``number`` as an ordinal: 21 is ``twenty-first``."""
    said = cardinal(number, " and ")
    last = re.split(r"[ -]", said)[-1]
    head = said.removesuffix(last)
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return head + _IRREGULAR.get(last, regular)


def year(number: int) -> str:
    """Return 1001 to 2999 as people say years: ``nineteen eighty-four``, ``two thousand five``, ``nineteen oh six``."""
    if number == 2000:
        return "two thousand"
    if 2000 < number < 2010:
        return f"two thousand {_ONES[number % 100]}"
    century, rest = divmod(number, 100)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{_below_hundred(century)} {_below_hundred(rest) if rest >= 10 else f'oh {_ONES[rest]}'}"


def digits(text: str) -> str:
    """Return the digits of ``text`` one by one."""
    return " ".join(_ONES[int(digit)] for digit in text)


def read_out(text: str) -> str:
    """Return ``text`` with its ASCII numbers in words: pounds, ordinals, years from 1001 to 2999, cardinals."""
    text = re.sub(r"£([0-9]+)", r"\1 pounds", text)
    text = re.sub(r"[0-9]+(?:st|nd|rd|th)", lambda match: _ordinal_digits(match.group()[:-2]), text)
    return re.sub(r"[0-9]+", lambda match: _number_digits(match.group()), text)


def _ordinal_digits(text: str) -> str:
    return ordinal(int(text)) if len(text) < 15 else digits(text)


def _number_digits(text: str) -> str:
    if len(text) > 15:
        return digits(text)
    number = int(text)
    return year(number) if 1000 < number < 3000 else cardinal(number)
