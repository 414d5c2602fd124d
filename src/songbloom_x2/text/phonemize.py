"""Text to symbols, as the released models' front end does it.

Text is split at single spaces. Tags and vocabulary symbols pass unchanged (``a``, ``my`` and ``I`` are symbols); any
other piece is parted into punctuation and runs of one script, and each run is read on its own: no word knows its
neighbours.

Kept different on purpose from that front end:

- The CMU dictionary is the current release (one known word in a hundred differs, mostly by a weak vowel), and the list
  of personal names is not there: names that CMU lacks are taken apart or guessed.
- A homograph is read by its ending (as a noun unless it ends like a verb) instead of by a tagger.
- Where it fails (a character without a reading, an apostrophe inside a short unknown word), the rest is read and the
  loss is told; words over 30 letters are guessed without being taken apart.
- Traditional characters are simplified by OpenCC's table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from songbloom_x2.text.languages import Language, language_of
from songbloom_x2.text.vocabulary import PUNCTUATION, TAGS
from songbloom_x2.text.words import Word

_AS_PUNCTUATION = {
    **dict.fromkeys("：；，·、/", ","),
    **dict.fromkeys("。\n$", "."),
    **{"！": "!", "？": "?", "—": "-", "~": "…", "～": "…"},
}
_PUNCTUATION = frozenset(PUNCTUATION)


def phonemize(text: str, passing: Collection[str]) -> str:
    """Return the symbols of ``text``, parted by single spaces; pieces that are in ``passing`` or tags stay.

    A piece without any sound leaves nothing between its two spaces, as a double space does (symbol 0).
    """
    pieces = text.replace("\n", " ").replace("\t", " ").split(" ")
    said = []
    for piece in pieces:
        words = piece_words(piece, passing)
        said.append(" ".join(phoneme for word in words for phoneme in word.phonemes))
    return " ".join(said)


def piece_words(piece: str, passing: Collection[str], column: int = 1) -> list[Word]:
    """Return the words of one piece (no spaces) that starts at ``column``; punctuation is a word of its own symbol."""
    if not piece:
        return []
    if piece in passing or piece in TAGS:
        return [Word(piece, (piece,), False, column, "", 1 if piece[0].isalpha() else 0)]
    words: list[Word] = []
    for run, language, offset in _runs(piece):
        if language is None:
            words.append(Word(run, (_AS_PUNCTUATION.get(run, run),), False, column + offset))
        else:
            words.extend(language.run_words(run, column + offset))
    return words


def _runs(piece: str) -> Iterator[tuple[str, Language | None, int]]:
    """Yield runs of one language (or one punctuation mark: none) with their offsets."""
    start = 0
    current: Language | None = None
    for offset, char, length in _characters(piece):
        if char in _PUNCTUATION:
            if offset > start:
                yield piece[start:offset], current, start
            yield char, None, offset
            start = offset + length
            continue
        language = language_of(char)
        if offset > start and language is not current:
            yield piece[start:offset], current, start
            start = offset
        current = language
    if start < len(piece):
        yield piece[start:], current, start


def _characters(piece: str) -> Iterator[tuple[int, str, int]]:
    """Yield offset, character (punctuation in the vocabulary's form) and how many characters it stands for."""
    offset = 0
    while offset < len(piece):
        if piece.startswith("...", offset):
            yield offset, "…", 3
            offset += 3
        else:
            yield offset, _AS_PUNCTUATION.get(piece[offset], piece[offset]), 1
            offset += 1
