"""Phonemes and ids against what the public front end gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from songbloom_x2.config import LyricsConfig
from songbloom_x2.text.phonemize import phonemize
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.text.vocabulary import released_vocabulary

GOLDEN = Path(__file__).parents[1] / "golden"
LINES = [json.loads(line) for line in (GOLDEN / "g2p.jsonl").read_text(encoding="utf-8").splitlines()]
MODELS = ("prepend-flow", "adaln-v", "edges")


def edit_distance(made: list[str], wanted: list[str]) -> int:
    row = list(range(len(wanted) + 1))
    for number, symbol in enumerate(made, 1):
        before, row[0] = row[0], number
        for column, other in enumerate(wanted, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (symbol != other))
    return row[-1]


@pytest.mark.parametrize(("language", "least"), [("en", 0.98), ("zh", 0.98), ("mix", 1.0)])
def test_phonemes_are_those_of_the_released_models(language: str, least: float) -> None:
    lines = [line for line in LINES if line["lang"] == language]
    passing = frozenset(released_vocabulary())
    wrong = sum(edit_distance(phonemize(line["text"], passing).split(), line["phonemes"].split()) for line in lines)
    assert lines
    assert 1 - wrong / sum(len(line["phonemes"].split()) for line in lines) >= least


@pytest.mark.parametrize("name", MODELS)
def test_released_grammar_gives_the_released_ids(name: str) -> None:
    golden = json.loads((GOLDEN / name / f"{name}.golden.json").read_text(encoding="utf-8"))
    prepared = prepare_lyrics(golden["lyrics"], LyricsConfig(released_vocabulary()), instrumental_seconds=1.0)
    assert list(prepared.ids) == golden["token_ids"]
    assert prepared.text == golden["lyrics"]
    assert [symbol for symbol in prepared.symbols if symbol] == golden["phonemes"].split()


def test_symbols_of_a_double_space_and_of_a_silent_piece_stay_empty() -> None:
    passing = frozenset(released_vocabulary())
    assert phonemize("Run  me", passing) == "R AH1 N  M IY1"
    assert phonemize("You & me", passing) == "Y UW1  M IY1"


def test_vocabulary_symbols_pass_unchanged() -> None:
    passing = frozenset(released_vocabulary())
    assert phonemize("a my I [verse] ,", passing) == "a my I [verse] ,"
    assert phonemize("a, my", passing) == "AH0 , my"
