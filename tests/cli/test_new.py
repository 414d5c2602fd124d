"""The questions of ``songbloom new`` become arguments of ``songbloom generate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from songbloom_x2.cli.new import ask
from songbloom_x2.errors import LyricsError


def answering(*answers: str) -> Callable[[str], str]:
    """An ``input`` that gives these answers, then the end of the input."""
    remaining: Iterator[str] = iter(answers)

    def answer(question: str) -> str:
        for given in remaining:
            return given
        raise EOFError

    return answer


def test_answers_become_arguments() -> None:
    answers = ("[verse] One.", "-Two", "", "folk", "30", "7", "out.wav")
    assert ask(answering(*answers)) == [
        "--lyrics=[verse] One.\n-Two", "--style=folk", "--duration=30", "--seed=7", "--out=out.wav",
    ]  # fmt: skip


def test_enter_takes_the_defaults() -> None:
    assert ask(answering("Only words")) == ["--lyrics=[verse] Only words", "--out=song.flac"]


def test_a_file_of_lyrics() -> None:
    assert ask(answering("@words.txt", "", "", "", ""))[0] == "--lyrics=@words.txt"


def test_no_words() -> None:
    with pytest.raises(LyricsError):
        ask(answering("", ""))
