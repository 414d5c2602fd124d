"""Texts of requests: what they may hold, said in the schema and, in words for people, when they are refused."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from songbloom_x2.errors import LyricsError, StyleError

HAS_WORDS = r"\w"
_TEXT = r"^[^\x00]*$"
_STYLE = r"^[^\x00/\\]*\w[^\x00/\\]*$"


def _text(text: str) -> str:
    if "\0" in text:
        raise LyricsError("the text holds signs that are no text")
    return text


def _style(text: str) -> str:
    if "/" in text or "\\" in text:
        raise StyleError("style: a name, words, or the id of an uploaded style; paths are not taken")
    if not re.search(_STYLE, text):
        raise StyleError("style: write its name, or words about it")
    return text


def _sung(text: str) -> str:
    if not re.search(HAS_WORDS, text):
        raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] City lights.'")
    return _text(text)


Text = Annotated[str, AfterValidator(_text), Field(json_schema_extra={"pattern": _TEXT})]
"""Any text."""
StyleName = Annotated[
    str, AfterValidator(_style), Field(min_length=1, max_length=200, json_schema_extra={"pattern": _STYLE})
]
"""A style by id, name or words: never a path."""
SungText = Annotated[
    str, AfterValidator(_sung), Field(min_length=1, json_schema_extra={"pattern": r"^[^\x00]*\w[^\x00]*$"})
]
"""Lyrics with at least one word."""
