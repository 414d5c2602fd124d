"""Mandarin: tones of connected speech, spelling, numbers; and the refusal without the extra."""

from __future__ import annotations

import importlib.util

import pytest

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.text.mandarin import run_words
from songbloom_x2.text.mandarin_numbers import BESIDE_CHINESE, cardinal, read_out
from songbloom_x2.text.mandarin_spelling import symbols


def said(text: str) -> str:
    return " ".join(phoneme for word in run_words(text, 1) for phoneme in word.phonemes)


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("不是", "b u2 sh ir4"),
        ("看不懂", "k an4 b u5 d ong3"),
        ("一天", "y i4 t ian1"),
        ("一段", "y i2 d uan4"),
        ("第一", "d i4 y i1"),
        ("看一看", "k an4 y i5 k an4"),
        ("一二三", "y i1 EE er4 s an1"),
        ("你好", "n i2 h ao3"),
        ("纸老虎", "zh ir3 l ao2 h u3"),
        ("妈妈", "m a1 m a5"),
        ("我们的", "w o3 m en5 d e5"),
        ("出去", "ch u1 q v5"),
        ("家里", "j ia1 l i5"),
        ("三个", "s an1 g e5"),
        ("月亮", "y ve4 l iang5"),
        ("飛機", "f ei1 j i1"),
        ("嗯", "EE en1"),
    ],
)
def test_tones_of_connected_speech(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("syllable", "spelled"),
    [
        (("z", "i", 4), ("z", "i04")),
        (("sh", "i", 1), ("sh", "ir1")),
        (("", "ian", 2), ("y", "En2")),
        (("", "ie", 4), ("y", "E4")),
        (("", "uo", 3), ("w", "o3")),
        (("", "van", 2), ("y", "van2")),
        (("", "iou", 3), ("y", "ou3")),
        (("", "uei", 4), ("w", "ei4")),
        (("l", "ve", 4), ("l", "ve4")),
        (("d", "uei", 4), ("d", "ui4")),
        (("", "an", 4), ("AA", "an4")),
        (("", "er", 2), ("EE", "er2")),
        (("", "ou", 1), ("OO", "ou1")),
        (("", "ng", 2), None),
        (("", "", 0), None),
    ],
)
def test_syllables_are_spelled_as_the_vocabulary_does(
    syllable: tuple[str, str, int], spelled: tuple[str, str] | None
) -> None:
    assert symbols(*syllable) == spelled


def test_columns_point_at_the_characters() -> None:
    assert [(word.text, word.column) for word in run_words("想见你月亮", 5)] == [("想见", 5), ("你", 7), ("月亮", 8)]


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("0", "零"),
        ("10", "十"),
        ("101", "一百零一"),
        ("2025", "二千零二十五"),
        ("10010", "一万零一十"),
        ("1" * 17, "一" * 17),
    ],
)
def test_numbers_in_chinese(number: str, spoken: str) -> None:
    assert cardinal(number) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1999年", "一九九九年"),
        ("10月", "十月"),
        ("12:30分", "十二点三十分"),
        ("2个", "两个"),
        ("50%的", "百分之五十的"),
        ("1/2的", "二分之一的"),
        ("3.5米", "三点五米"),
        ("13800138000号", "幺三八零零幺三八零零零号"),
    ],
)
def test_numbers_beside_characters_are_read_in_chinese(text: str, spoken: str) -> None:
    match = BESIDE_CHINESE.search(text)
    assert match is not None
    assert read_out(match[0], text[match.end() :][:1]) + text[match.end() :] == spoken


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jieba" else found(name))
    with pytest.raises(MissingExtraError, match=r"songbloom-x2\[zh\]"):
        run_words("你好", 1)
