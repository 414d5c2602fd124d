"""Texts of requests: what they may hold, said in the schema and, in words for people, when they are refused."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from songbloom_x2.errors import LyricsError, StyleError

HAS_WORDS = r"\w"
LYRICS = "[verse] City lights are calling me home. Every road is leading me on."
"""The words of every example."""
_TEXT = r"^[^\x00]*$"
_NAME = r"[^\x00/\\:]*\w[^\x00/\\:]*"
_WEIGHT = r"([1-9][0-9]{0,3}(\.[0-9]{1,20})?|0?\.[0-9]{0,19}[1-9])"
_ONE_STYLE = f"^{_NAME}$"
_STYLE = f"^({_NAME}|{_NAME}:{_WEIGHT}(\\s{_NAME}:{_WEIGHT}){{1,7}})$"


def _text(text: str) -> str:
    if "\0" in text:
        raise LyricsError("the text holds signs that are no text")
    return text


def _style(text: str) -> str:
    if not re.fullmatch(_STYLE, text):
        _refuse_style(text, "write its name, words about it, or a mix like rock:0.7 soul:0.3")
    return text


def _one_style(text: str) -> str:
    if not re.fullmatch(_ONE_STYLE, text):
        _refuse_style(text, "write its name, or words about it, without a colon")
    return text


def _refuse_style(text: str, wanted: str) -> None:
    if "/" in text or "\\" in text:
        raise StyleError("style: a name, words, or the id of an uploaded style; paths are not taken")
    raise StyleError(f"style: {wanted}")


def _sung(text: str) -> str:
    if not re.search(HAS_WORDS, text):
        raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] City lights.'")
    return _text(text)


Text = Annotated[str, AfterValidator(_text), Field(json_schema_extra={"pattern": _TEXT})]
"""Any text."""
StyleName = Annotated[
    str, AfterValidator(_style), Field(min_length=1, max_length=400, json_schema_extra={"pattern": _STYLE})
]
"""A style by id, name or words, or a mix of such: never a path."""
OneStyle = Annotated[
    str, AfterValidator(_one_style), Field(min_length=1, max_length=100, json_schema_extra={"pattern": _ONE_STYLE})
]
"""A style that is no mix."""
SungText = Annotated[
    str, AfterValidator(_sung), Field(min_length=1, json_schema_extra={"pattern": r"^[^\x00]*\w[^\x00]*$"})
]
"""Lyrics with at least one word."""
