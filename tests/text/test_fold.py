"""Folding to the embedded model's sung phonemes."""

from __future__ import annotations

import pytest

from songbloom_x2.config import LyricsConfig
from songbloom_x2.text.fold import fold
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.text.vocabulary import (
    PUNCTUATION,
    SUNG_PHONEMES,
    SUNG_VOWELS,
    TAGS,
    released_vocabulary,
    sung_vocabulary,
)

SUNG = LyricsConfig(sung_vocabulary(), folding="sung")
SILENT_SYMBOLS = frozenset(
    {"EE", "I", "OO", "SP", "SP2", "SP3", "U", "UNK", "_", "by", "cl", "dy", "gy", "hy", "ky", "my", "ny", "py", "ry"}
    | {"ts"}
)
"""Symbols that no English or Mandarin word has, zero initials and Japanese ones."""


def test_the_sung_vocabulary() -> None:
    assert sung_vocabulary() == ("", *TAGS, *PUNCTUATION, *SUNG_PHONEMES)
    assert len(SUNG_PHONEMES) == len(set(SUNG_PHONEMES)) == 40


def test_every_released_symbol_folds_to_known_symbols() -> None:
    known = set(sung_vocabulary())
    for symbol in released_vocabulary()[1:]:
        folded = fold((symbol,))
        assert set(folded) <= known
        assert bool(folded) == (symbol not in SILENT_SYMBOLS)


def test_english_loses_its_stress_and_keeps_the_schwa() -> None:
    assert fold(("AH0", "B", "AH1", "V")) == ("AX", "B", "AH", "V")


def test_a_mandarin_syllable_is_one_sung_vowel() -> None:
    finals = [symbol for symbol in released_vocabulary() if symbol[-1:] == "1" and symbol[0].islower()]
    for final in finals:
        assert sum(sound in SUNG_VOWELS for sound in fold(("y", final))) == 1


def test_zero_initials_and_doubled_glides_are_left_out() -> None:
    assert fold(("AA", "an1")) == ("AA", "N")
    assert fold(("y", "v4")) == ("Y", "UW")
    assert fold(("x", "iang3")) == ("SH", "AA", "NG")


def test_mandarin_is_sung_with_a_warning() -> None:
    prepared = prepare_lyrics("[chorus] 想见你", SUNG, instrumental_seconds=2.0)
    assert prepared.symbols == ("[chorus]", "SH", "AA", "NG", "JH", "EH", "N", "N", "IY")
    assert [(f.code, f.column) for f in prepared.findings] == [("accent", 10)]


def test_letters_and_apostrophes_are_sung_as_words_not_as_symbols() -> None:
    prepared = prepare_lyrics("[verse] my plan B runnin'", SUNG, instrumental_seconds=2.0)
    assert " ".join(prepared.symbols) == "[verse] M AY P L AE N B IY R AH N IH N"


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("[verse] Oh! Oh?  slow-me , [outro]", "[verse] OW . OW . S L OW M IY , [outro]"),
        ("[verse] me, me. , [chorus] me.", "[verse] M IY . M IY , [chorus] M IY"),
        ("[verse] ... me … me", "[verse] M IY . M IY"),
        ("[intro] [intro] , [verse] me", "[intro] [intro] , [verse] M IY"),
    ],
)
def test_marks_are_only_stops_between_sentences_and_commas_before_tags(text: str, symbols: str) -> None:
    assert " ".join(prepare_lyrics(text, SUNG, instrumental_seconds=2.0).symbols) == symbols
