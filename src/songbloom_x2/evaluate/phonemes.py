"""Phoneme errors: how far what was heard sounds from what was to be sung, whatever its spelling."""

from __future__ import annotations

from songbloom_x2.evaluate.words import ErrorCount, edit_distance, spoken_words
from songbloom_x2.text.fold import fold_word
from songbloom_x2.text.phonemize import piece_words


def spoken_phonemes(text: str) -> list[str]:
    """The sung phonemes (``text.fold``) of a text's words; tags, punctuation and what has no sound are left out.

    Raises ``MissingExtraError`` for Chinese without the extra ``zh``.
    """
    phonemes: list[str] = []
    for word in spoken_words(text):
        for part in piece_words(word, ()):
            phonemes.extend(symbol for symbol in fold_word(part).phonemes if symbol.isalpha())
    return phonemes


def phoneme_errors(lyrics: str, heard: str) -> ErrorCount:
    """Phoneme errors of a transcript against the lyrics."""
    return edit_distance(spoken_phonemes(lyrics), spoken_phonemes(heard))
