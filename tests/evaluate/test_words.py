from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.evaluate.words import edit_distance, spoken_words, word_errors

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


def test_tags_case_and_punctuation_are_not_words() -> None:
    assert spoken_words("[verse] Don\u2019t stop, the Music! , [outro]") == ["don't", "stop", "the", "music"]


def test_each_han_character_is_a_word() -> None:
    assert spoken_words("想见你 ok") == ["想", "见", "你", "ok"]


@pytest.mark.parametrize(
    ("lyrics", "heard", "errors"),
    [("[verse] one two three", "one two three", 0), ("one two", "", 2), ("one two", "one too two", 1), ("", "x", 1)],
)
def test_word_errors(lyrics: str, heard: str, errors: int) -> None:
    assert word_errors(lyrics, heard).errors == errors


@given(WORDS, WORDS, WORDS)
def test_edit_distance_is_a_metric(a: list[str], b: list[str], c: list[str]) -> None:
    ab, ba = edit_distance(a, b).errors, edit_distance(b, a).errors
    assert ab == ba
    assert (ab == 0) == (a == b)
    assert ab <= edit_distance(a, c).errors + edit_distance(c, b).errors
    assert abs(len(a) - len(b)) <= ab <= max(len(a), len(b))
