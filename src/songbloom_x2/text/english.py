"""English: words to ARPAbet with stress digits.

A run (no spaces, see ``phonemize``) is cleaned, numbers are read out, and each word is looked up, spelled if it is
short, taken apart (possessive, compound), and guessed only when all that fails: the released models' front end. Spelled
words and compounds of very short parts count as guessed too.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from songbloom_x2.text.english_dictionary import pronunciations, split_compound
from songbloom_x2.text.english_guess import guess
from songbloom_x2.text.english_numbers import read_out
from songbloom_x2.text.words import Word

_TOKEN = re.compile(r"[A-Za-z][A-Za-z'-]+[A-Za-z]|[A-Za-z]+|\S")
_WRITTEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SINGULAR = str.maketrans({";": ",", ":": ",", "：": ",", "，": ",", "；": ",", '"': "'", "’": "'"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH", "HH"})
_HISSING = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_LONGEST_WORD = 30
"""Characters; a longer run of letters is no word, and taking it apart costs time that grows with its length."""


class _Reading(NamedTuple):
    phonemes: tuple[str, ...]
    guessed: bool


def words(line: str) -> list[Word]:
    """Return the English words of a line, each with ARPAbet phonemes: ``(text, phonemes, guessed, column)``.

    Numbers are one word each. Punctuation is left out, so is whatever has no sound.
    """
    found = []
    for match in _WRITTEN.finditer(line):
        word = run_word(_without_hyphens(match.group()), match.start() + 1)._replace(text=match.group())
        sounds = tuple(phoneme for phoneme in word.phonemes if phoneme[0].isalpha())
        if sounds:
            found.append(word._replace(phonemes=sounds))
    return found


def _without_hyphens(written: str) -> str:
    """Return a number in words that the dictionary knows one by one (it has few like ``thirty-two``)."""
    return read_out(written).replace("-", " ") if any(char.isdigit() for char in written) else written


def run_words(run: str, column: int) -> list[Word]:
    """Return the one word of an English run, or nothing where the run is silent and loses nothing."""
    return [run_word(run, column)]


def run_word(run: str, column: int) -> Word:
    """Return the symbols of an English run (text between spaces, punctuation and other scripts).

    Punctuation inside the run stays as a symbol; an apostrophe that belongs to no word is ``-``.
    """
    tokens, dropped = _tokens(run)
    readings = [_token(token) for token in tokens]
    phonemes = tuple(phoneme for reading in readings for phoneme in reading.phonemes)
    syllables = sum(phoneme[-1].isdigit() for phoneme in phonemes)
    return Word(run, phonemes, any(reading.guessed for reading in readings), column, dropped, syllables)


def _tokens(run: str) -> tuple[list[str], str]:
    """Return words and punctuation of a run, and the characters that are left out."""
    spoken = read_out(run.translate(_SINGULAR))
    bare = "".join(c for c in unicodedata.normalize("NFD", spoken) if unicodedata.category(c) != "Mn")
    dropped = "".join(re.findall(r"[^ A-Za-z'.,?!\-]", bare))
    return _TOKEN.findall(re.sub(r"[^ A-Za-z'.,?!\-]", "", bare)), dropped


def _token(token: str) -> _Reading:
    if not token[0].isalpha():
        return _Reading(("-" if token == "'" else token,), False)
    if token == "A":
        return _Reading(("EY1",), False)
    return _word(token.lower())


@lru_cache(maxsize=8192)
def _word(word: str) -> _Reading:
    known = pronunciations().get(word)
    if known is not None:
        return _Reading(tuple(known.split()), False)
    if len(word) <= 3:
        return _Reading(_spelled(word), True)
    if word.endswith("'s") and word[:-2].isalpha():
        owner = _word(word[:-2])
        return _Reading((*owner.phonemes, *_possessive(owner.phonemes[-1])), owner.guessed)
    if len(word) > _LONGEST_WORD:
        return _Reading(guess(word[:_LONGEST_WORD]), True)
    parts = split_compound(word)
    if len(parts) <= 1:
        return _Reading(guess(word), True)
    readings = [_word(part) for part in parts]
    doubtful = any(reading.guessed or len(part) < 3 for part, reading in zip(parts, readings, strict=True))
    return _Reading(tuple(phoneme for reading in readings for phoneme in reading.phonemes), doubtful)


def _spelled(word: str) -> tuple[str, ...]:
    spelled: list[str] = []
    for letter in word:
        if letter == "a":
            spelled.append("EY1")
        elif letter.isalpha():
            spelled.extend(pronunciations()[letter].split())
    return tuple(spelled)


def _possessive(last: str) -> tuple[str, ...]:
    if last in _HISSING:
        return ("AH0", "Z")
    return ("S",) if last in _VOICELESS else ("Z",)
