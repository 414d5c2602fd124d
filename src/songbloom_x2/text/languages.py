"""The languages that can be sung. One more is one more module with ``run_words``, and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import cast

from songbloom_x2.text.words import Word


@dataclass(frozen=True)
class Language:
    """A language: its script, and the module that knows how it sounds (imported when first needed).

    ``owns`` tells whether a character belongs to its script; a language without one takes what no other owns.
    """

    code: str
    name: str
    module: str
    owns: Callable[[str], bool] | None = None

    def run_words(self, run: str, column: int) -> list[Word]:
        """Return the words of a run of this language's script that starts at ``column`` (from 1)."""
        module: ModuleType = import_module(self.module)
        return cast("list[Word]", module.run_words(run, column))


def _is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fa5"


LANGUAGES = (
    Language("zh", "Mandarin", "songbloom_x2.text.mandarin", _is_chinese),
    Language("en", "English", "songbloom_x2.text.english"),
)


def language_of(char: str) -> Language:
    """Return the language that a character is read in."""
    return next(language for language in LANGUAGES if language.owns is None or language.owns(char))
