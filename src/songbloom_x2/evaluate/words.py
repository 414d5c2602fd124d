"""How well the words come through: error rates between lyrics and what a recogniser heard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_HAN = re.compile(r"[\u4e00-\u9fff]")
_TAG = re.compile(r"\[[^\]]*\]")


def spoken_words(text: str) -> list[str]:
    """Lower-case words of a text, tags and punctuation left out; each Han character is a word of its own."""
    plain = unicodedata.normalize("NFKD", _TAG.sub(" ", text)).lower().replace("\u2019", "'")
    spaced = _HAN.sub(lambda match: f" {match.group()} ", unicodedata.normalize("NFKC", plain))
    return [word.strip("'") for word in re.findall(r"[a-z0-9']+|[\u4e00-\u9fff]", spaced) if word.strip("'")]


@dataclass(frozen=True)
class ErrorCount:
    """Edit distance between a reference and a hypothesis, and the reference's length."""

    errors: int
    length: int

    @property
    def rate(self) -> float:
        """Errors a reference word; 0 for an empty reference that was left empty."""
        return self.errors / max(1, self.length)


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCount:
    """Levenshtein distance (substitutions, insertions, deletions cost 1)."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, heard in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != heard))
    return ErrorCount(row[-1], len(reference))


def word_errors(lyrics: str, heard: str) -> ErrorCount:
    """Word errors of a transcript against the lyrics."""
    return edit_distance(spoken_words(lyrics), spoken_words(heard))
