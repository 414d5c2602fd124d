"""What a language makes of a piece of text: words with their phonemes."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """A word as written, and how it is said.

    ``column`` counts from 1 in the text given. ``guessed``: no dictionary knew it. ``dropped`` holds the characters
    of ``text`` that no phoneme stands for. ``syllables`` holds how many notes it needs at least.
    """

    text: str
    phonemes: tuple[str, ...]
    guessed: bool
    column: int
    dropped: str = ""
    syllables: int = 0
