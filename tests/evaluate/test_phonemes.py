from __future__ import annotations

import pytest

from songbloom_x2.evaluate.phonemes import phoneme_errors, spoken_phonemes


def test_words_become_sung_phonemes() -> None:
    assert spoken_phonemes("[verse] Night, light!") == ["N", "AY", "T", "L", "AY", "T"]


@pytest.mark.parametrize(
    ("lyrics", "heard", "errors"),
    [("the knight", "the night", 0), ("night", "", 3), ("light", "night", 1), ("[chorus] sea", "see", 0)],
)
def test_what_sounds_the_same_is_no_error(lyrics: str, heard: str, errors: int) -> None:
    assert phoneme_errors(lyrics, heard).errors == errors
