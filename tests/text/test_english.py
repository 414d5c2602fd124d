"""English words: dictionary, rules and guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.text import english_numbers
from songbloom_x2.text.english import run_word, words
from songbloom_x2.text.english_guess import guess
from songbloom_x2.text.vocabulary import released_vocabulary


def said(word: str) -> str:
    return " ".join(run_word(word, 1).phonemes)


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("lights", "L AY1 T S"),
        ("Café", "K AH0 F EY1"),
        ("don’t", "D OW1 N T"),
        ("DNA", "D IY1 EH2 N EY1"),
        ("xtc", "EH1 K S T IY1 S IY1"),
        ("A", "EY1"),
        ("wildflowers", "W AY1 L D F L AW2 R Z"),
        ("moonbeam's", "M UW1 N B IY2 M Z"),
        ("record", "R EH1 K ER0 D"),
        ("learned", "L ER1 N IH0 D"),
        ("runnin'", "R AH1 N IH0 N -"),
        ("3rd", "TH ER1 D"),
        ("1999", "N AY1 N T IY1 N N AY1 N T IY0 N AY1 N"),
    ],
)
def test_words_are_said_as_the_released_front_end_says_them(word: str, phonemes: str) -> None:
    assert said(word) == phonemes


def test_guesses_are_those_of_the_reference_network() -> None:
    guesses = {
        "vsnet": "S K AH0 N S T",
        "wanderlust": "W AA1 N D ER0 L AH2 S T",
        "techrepublic": "T EH2 K ER0 P EH1 K AH0 B AH0 L",
    }
    assert {word: " ".join(guess(word)) for word in guesses} == guesses


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'é", min_size=1, max_size=12))
def test_every_letter_word_has_only_known_symbols(word: str) -> None:
    assert set(run_word(word, 1).phonemes) <= set(released_vocabulary())


def test_words_of_a_line_have_columns_and_say_what_is_guessed() -> None:
    found = words("City lights, 32 vsnet 'cause — runnin'")
    assert [(word.text, word.column, word.guessed) for word in found] == [
        ("City", 1, False),
        ("lights", 6, False),
        ("32", 14, False),
        ("vsnet", 17, True),
        ("cause", 24, False),
        ("runnin", 32, True),
    ]
    assert found[2].phonemes == ("TH", "ER1", "D", "IY2", "T", "UW1")
    assert all(phoneme.isalnum() for word in found for phoneme in word.phonemes)


def test_what_has_no_sound_is_told() -> None:
    word = run_word("привет", 1)
    assert word.phonemes == ()
    assert word.dropped == "привет"


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (0, "zero"),
        (21, "twenty-one"),
        (123, "one hundred twenty-three"),
        (3001, "three thousand one"),
        (12345, "twelve thousand, three hundred forty-five"),
        (10**15, "one" + " zero" * 15),
    ],
)
def test_cardinals(number: int, spoken: str) -> None:
    assert english_numbers.cardinal(number) == spoken


@pytest.mark.parametrize(
    ("number", "spoken"),
    [(1, "first"), (12, "twelfth"), (20, "twentieth"), (22, "twenty-second"), (1001, "one thousand and first")],
)
def test_ordinals(number: int, spoken: str) -> None:
    assert english_numbers.ordinal(number) == spoken


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (1066, "ten sixty-six"),
        (1900, "nineteen hundred"),
        (1905, "nineteen oh five"),
        (2000, "two thousand"),
        (2007, "two thousand seven"),
        (2010, "twenty ten"),
    ],
)
def test_years(number: int, spoken: str) -> None:
    assert english_numbers.year(number) == spoken
