"""Lyrics and prompt rows by the rules of the format page."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS, lyric_table
from songbloom_x2.conditioning.lyrics import LyricsConditioner
from songbloom_x2.conditioning.style import PromptConditioner
from songbloom_x2.config import LyricsConfig, PromptConfig
from songbloom_x2.errors import LyricsError, StyleError

VOCABULARY = ("", "[verse]", "[inst]", ",", ".", "A", "B", "[", "]x")
CONFIG = LyricsConfig(VOCABULARY, max_len=20, max_sentences=4)


def conditioner(config: LyricsConfig = CONFIG) -> LyricsConditioner:
    torch.manual_seed(0)
    layer = LyricsConditioner(config, 6).requires_grad_(False)
    layer.blank.normal_()
    return layer


def arranged(text: str) -> list[tuple[str, str, int]]:
    ids = [VOCABULARY.index(symbol) for symbol in text.split(" ")]
    rows = lyric_table(ids, conditioner().config)
    return [(VOCABULARY[row.symbol], VOCABULARY[row.structure], row.sentence) for row in rows]


def test_sections_and_sentences() -> None:
    assert arranged("[verse] A B . A , [inst] [inst] , [verse] B") == [
        ("[verse]", "[verse]", 0),
        ("A", "[verse]", 1),
        ("B", "[verse]", 1),
        (".", ".", 0),
        ("A", "[verse]", 2),
        (",", ",", 0),
        ("[inst]", "[inst]", 0),
        ("[inst]", "[inst]", 0),
        (",", ",", 0),
        ("[verse]", "[verse]", 0),
        ("B", "[verse]", 1),
    ]


def test_before_the_first_tag_the_section_is_the_empty_symbol() -> None:
    assert arranged("A . B") == [("A", "", 1), (".", ".", 0), ("B", "", 2)]
    assert arranged("") == [("", "", 1)]


def test_sentences_stop_counting_at_the_last_row_and_a_bracket_is_no_tag() -> None:
    assert [row[2] for row in arranged("[verse] . . . . A [ ]x")] == [0, 0, 0, 0, 0, 3, 3, 3]


@given(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=30))
@settings(deadline=None, max_examples=50)
def test_rows_are_sums_of_look_ups_padded_or_cut(ids: list[int]) -> None:
    layer = conditioner()
    rows = layer([ids, EMPTY_LYRICS])
    assert rows.shape == (2, 20, 6)
    found = lyric_table(ids, layer.config)
    assert len(found) == min(len(ids), 20)
    for index in range(20):
        if index < len(found):
            row = found[index]
            summed = layer.symbol.weight[row.symbol] + layer.symbol.weight[row.structure]
            torch.testing.assert_close(rows[0, index], summed + layer.sentence.weight[row.sentence])
        else:
            assert torch.equal(rows[0, index], layer.blank[0])
    assert torch.equal(rows[1], layer([EMPTY_LYRICS])[0])


def test_without_padding_the_rows_are_the_lyrics() -> None:
    layer = conditioner(replace(CONFIG, pad=False))
    padded = conditioner()
    ids = [1, 5, 6, 4]
    assert torch.equal(layer([ids])[0], padded([ids])[0, :4])
    both = layer([ids, [1, 5]])
    assert both.shape == (2, 4, 6)
    assert torch.equal(both[1, 2:], layer.blank.expand(2, -1))


@pytest.mark.parametrize("symbol", [-1, len(VOCABULARY)])
def test_an_unknown_symbol_is_refused(symbol: int) -> None:
    with pytest.raises(LyricsError, match=f"symbol id {symbol} is outside"):
        conditioner()([[1, symbol]])


def test_prompts_are_padded_with_zeros_cut_or_missing() -> None:
    torch.manual_seed(0)
    layer = PromptConditioner(PromptConfig(max_len=5), 3, 6).requires_grad_(False)
    short, long = torch.randn(3, 2), torch.randn(3, 9)
    rows = layer([short, None, long])
    weight = layer.project.weight
    torch.testing.assert_close(rows[0, :2], short.T @ weight.T)
    assert not rows[0, 2:].any() and not rows[1].any()
    torch.testing.assert_close(rows[2], long[:, :5].T @ weight.T)


@pytest.mark.parametrize("shape", [(4, 9), (3,), (1, 3, 9)])
def test_a_prompt_of_another_codec_is_refused(shape: tuple[int, ...]) -> None:
    layer = PromptConditioner(PromptConfig(max_len=5), 3, 6)
    with pytest.raises(StyleError, match="3 latent channels"):
        layer([torch.zeros(shape)])
