"""Timed lyrics as text, and lyrics without words."""

from __future__ import annotations

import re

import pytest

from songbloom_x2.config import LyricsConfig
from songbloom_x2.text.instrumental import instrumental_lyrics
from songbloom_x2.text.lrc import lrc
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.text.vocabulary import released_vocabulary, sung_vocabulary
from songbloom_x2.types import TimedWord

TWO_LINES = (
    TimedWord("City", 2, 1, 61.5, 61.9),
    TimedWord("lights,", 2, 2, 62.0, 62.5),
    TimedWord("home", 3, 2, 63.004, 64.0),
)


def test_lines_as_written() -> None:
    assert lrc(TWO_LINES, title="My [song]", seconds=65.0).splitlines() == [
        "[ti:My (song)]",
        "[length:01:05]",
        "[re:songbloom-x2]",
        "[01:01.50]City lights,",
        "[01:03.00]home",
    ]


def test_words() -> None:
    assert lrc(TWO_LINES, by_word=True).splitlines()[1:] == [
        "[01:01.50]<01:01.50> City <01:02.00> lights, <01:02.50>",
        "[01:03.00]<01:03.00> home <01:04.00>",
    ]


def test_lyrics_on_one_line_are_parted_at_sentences() -> None:
    words = [TimedWord(text, 1, sentence, float(i), i + 0.5) for i, (text, sentence) in enumerate([("a", 1), ("b", 2)])]
    assert lrc(words).splitlines()[1:] == ["[00:00.00]a", "[00:01.00]b"]


def test_a_line_sung_twice_is_two_lines() -> None:
    words = [TimedWord(text, line, sentence, float(i), i + 0.5) for i, (text, line, sentence) in enumerate(
        [("hold", 1, 1), ("on", 1, 1), ("hold", 1, 2), ("on", 1, 2), ("now", 2, 3)]
    )]  # fmt: skip
    assert [line.split("]")[1] for line in lrc(words).splitlines()[1:]] == ["hold on", "hold on", "now"]


def test_long_music_clears_the_line() -> None:
    words = [TimedWord("a", 1, 1, 0.0, 1.0), TimedWord("b", 2, 2, 9.0, 10.0)]
    assert lrc(words, seconds=20.0).splitlines()[2:] == ["[00:00.00]a", "[00:01.00]", "[00:09.00]b", "[00:10.00]"]
    assert lrc((), seconds=20.0).splitlines() == ["[length:00:20]", "[re:songbloom-x2]"]


@pytest.mark.parametrize(("seconds", "tag"), [(30, 2.0), (30, 1.0), (1, 2.0), (180, 2.0), (9.3, 1.0), (240, 5.0)])
@pytest.mark.parametrize("vocabulary", [sung_vocabulary(), released_vocabulary()], ids=["embedded", "released"])
def test_an_instrumental_lasts_as_long_as_asked(seconds: float, tag: float, vocabulary: tuple[str, ...]) -> None:
    folding = "sung" if vocabulary == sung_vocabulary() else "none"
    config = LyricsConfig(vocabulary, folding=folding)  # type: ignore[arg-type]  # one of the two words
    text = instrumental_lyrics(seconds, tag, config.max_len)
    prepared = prepare_lyrics(text, config, instrumental_seconds=tag, instrumental=True)
    assert prepared.text == text and prepared.words == ()
    assert set(prepared.symbols) <= {"[intro]", "[inst]", "[outro]", ","}
    assert prepared.estimated_seconds == pytest.approx(max(seconds, tag), abs=tag / 2)
    assert all(finding.severity == "note" for finding in prepared.findings)


def test_an_instrumental_fits_into_the_rows() -> None:
    assert len(re.findall(r"\S+", instrumental_lyrics(1e6, 1.0, 60))) <= 60


def test_words_know_their_rows() -> None:
    config = LyricsConfig(sung_vocabulary(), folding="sung", pad=False)
    prepared = prepare_lyrics("[Verse 1]\nCity lights, home\n\n[Chorus]\nCity", config, instrumental_seconds=2.0)
    assert [(word.text, word.line) for word in prepared.words] == [("City", 2), ("lights", 2), ("home", 2), ("City", 5)]
    sung = [prepared.symbols[word.row : word.row + word.rows] for word in prepared.words]
    assert [" ".join(symbol for symbol in symbols if symbol.isalpha()) for symbols in sung] == [
        "S IH T IY", "L AY T S", "HH OW M", "S IH T IY"
    ]  # fmt: skip
    short = LyricsConfig(sung_vocabulary(), max_len=3, folding="sung")
    cut = prepare_lyrics("City lights", short, instrumental_seconds=2.0)
    assert [(word.text, word.row, word.rows) for word in cut.words] == [("City", 1, 2)]
