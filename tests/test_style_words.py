"""Choosing a style by words."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.errors import StyleError
from songbloom_x2.style_prompts import find_style
from songbloom_x2.style_words import choose_by_words, described, key_name, tempo_word
from songbloom_x2.types import Style


def style(kind: str, voice: str, sex: str, tempo: float, key: int) -> Style:
    tags = described((kind, voice, sex), tempo, key)
    return Style(f"{kind}-{voice}", torch.zeros(2, 3), tempo, key, tags)


STYLES = {
    made.name: made
    for made in (
        style("country", "kit", "female", 84.0, 0),
        style("hiphop", "edie", "female", 96.0, 13),
        style("lofi", "finn", "male", 72.0, 19),
        style("rock", "glen", "male", 140.0, 2),
        style("rock", "kit", "female", 150.0, 8),
    )
}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("rock", "rock-glen"),
        ("rock female", "rock-kit"),
        ("Rock, WOMAN", "rock-kit"),
        ("female rock", "rock-kit"),
        ("a man with a slow song", "lofi-finn"),
        ("hip hop", "hiphop-edie"),
        ("hip-hop", "hiphop-edie"),
        ("lo-fi", "lofi-finn"),
        ("A minor", "lofi-finn"),
        ("slow a minor", "lofi-finn"),
        ("c# major", "rock-glen"),
        ("fast female", "rock-kit"),
        ("country-kit", "country-kit"),
        ("kit fast", "rock-kit"),
    ],
)
def test_the_style_that_has_the_words(words: str, name: str) -> None:
    chosen = choose_by_words(words, STYLES)
    assert chosen.name == name
    assert chosen.notes == ()


def test_a_kind_of_music_that_is_not_there_has_a_neighbour() -> None:
    chosen = choose_by_words("folk female slow", STYLES)
    assert chosen.name == "country-kit"
    assert chosen.notes == ("no style is all of 'folk female slow'; the nearest is not folk",)


def test_kind_weighs_more_than_voice() -> None:
    chosen = choose_by_words("lofi female", STYLES)
    assert chosen.name == "lofi-finn"
    assert chosen.notes[0].endswith("the nearest is not female")


@pytest.mark.parametrize(
    ("words", "said"),
    [("contry", "country"), ("femal rock", "female"), ("slwo", "slow"), ("zxcvb", "known styles: country-kit")],
)
def test_unknown_words_name_the_nearest(words: str, said: str) -> None:
    with pytest.raises(StyleError, match=said) as refused:
        choose_by_words(words, STYLES)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("words", ["", "with a voice", "..."])
def test_words_that_say_nothing(words: str) -> None:
    with pytest.raises(StyleError, match="known styles"):
        choose_by_words(words, STYLES)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_any_text_is_a_style_or_refused_in_one_line(text: str) -> None:
    try:
        assert choose_by_words(text, STYLES).name in STYLES
    except StyleError as error:
        assert str(error)


@pytest.mark.parametrize("path", ["prompt.wav", "music/rock", "./rock.mp3", "rock\\female"])
def test_what_looks_like_a_file_is_not_taken_for_words(path: str) -> None:
    with pytest.raises(StyleError, match="no such file"):
        find_style(path, STYLES)


def test_names_of_keys_and_tempos() -> None:
    assert [key_name(key) for key in (0, 1, 2, 19)] == ["C major", "C minor", "C sharp major", "A minor"]
    assert [tempo_word(tempo) for tempo in (89.9, 90, 119.9, 120)] == ["slow", "medium", "medium", "fast"]
    assert described((), None, None) == ()
