"""What people paste, and what it becomes."""

from __future__ import annotations

import pytest

from songbloom_x2.errors import LyricsError
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.parse import parse


def parsed(text: str, instrumental_seconds: float = 1.0) -> str:
    return parse(text, Findings(), instrumental_seconds=instrumental_seconds).text


def codes(text: str) -> list[tuple[str, int, int]]:
    findings = Findings()
    parse(text, findings, instrumental_seconds=1.0)
    return [(finding.code, finding.line, finding.column) for finding in findings.sorted()]


GUESTS = "[verse] la , [verse] lo , [inst] , [bridge] li"


@pytest.mark.parametrize(
    ("pasted", "grammar"),
    [
        ("[verse] hello [chorus] world", "[verse] hello , [chorus] world"),
        ("[Verse 1]\nCity lights\nflicker on", "[verse] City lights. flicker on"),
        ("Verse 1:\nhello\n\nCHORUS\nworld", "[verse] hello , [chorus] world"),
        ("verse 1: hello there", "[verse] hello there"),
        ("Chorus x2\nla la", "[chorus] la la , [chorus] la la"),
        ("[Chorus x2]\nla la", "[chorus] la la , [chorus] la la"),
        ("Chorus: (x2)\nla la", "[chorus] la la , [chorus] la la"),
        ("[Verse]\nhello\n[Pre-Chorus]\nrising\n[Hook]\nla", "[verse] hello , [verse] rising , [chorus] la"),
        ("[Verse 1: Jane Doe & Band]\nhello", "[verse] hello"),
        ("[Verse | whispered]\nhello", "[verse] hello"),
        ("[Final Chorus]\nla", "[chorus] la"),
        ("[Middle 8]\nla", "[bridge] la"),
        ("(intro:3)\n(verse)\nhello\n(outro:2)", "[intro] [intro] [intro] , [verse] hello , [outro] [outro]"),
        ("[inst:4s]\n[verse]\nhello", "[inst] [inst] [inst] [inst] , [verse] hello"),
        ("[Guitar Solo | 2 bars]\n[verse]\nhello", "[inst] [inst] [inst] [inst] , [verse] hello"),
        ("[Instrumental Break]\n[verse]\nhello\n[Fade Out]", "[inst] , [verse] hello , [outro]"),
        ("**[Verse 1]**\n> hello *there*\n---\n## Chorus\n- (la) la", "[verse] hello there , [chorus] la. la"),
        (
            "【主歌】\n晚风中闪过 几帧从前啊，\n想见你！\n（间奏:2s）\n副歌：\n月光下",
            "[verse] 晚风中闪过. 几帧从前啊. 想见你 , [inst] [inst] , [chorus] 月光下",
        ),
        ("［verse］ｈｅｌｌｏ　there。", "[verse] hello there"),
        ("[verse]\n“Hello,” she said… ‘cause I’m runnin’", "[verse] Hello. she said. cause I'm runnin"),
        ("[verse]\nhello 🎵 world 🎸🎸\n", "[verse] hello world"),
        ("[verse]\nhello\u200b wo\u0007rld", "[verse] hello world"),
        ("[verse]\nNa na (x3)\n(softly) hey [laughs] you", "[verse] Na na. Na na. Na na. hey you"),
        ("[verse]\nNa na x2", "[verse] Na na. Na na"),
        ("[verse]\nFade away (fade away)", "[verse] Fade away. fade away"),
        ("[verse]\nHel[G]lo [Am]darkness\nAm  F  C  G\nmy friend", "[verse] Hello darkness. my friend"),
        ("[00:12.30]hello\n[00:15.00]world", "[verse] hello. world"),
        ("Title: Song\nArtist: Me\nBPM: 120\n[verse]\nhello", "[verse] hello"),
        ("[verse]\na\n[chorus]\nb\n[verse]\nc\n[chorus]", "[verse] a , [chorus] b , [verse] c , [chorus] b"),
        ("[verse 1]\na\n[verse 2]\nb\n[verse 1]", "[verse] a , [verse] b , [verse] a"),
        ("[chorus]\nb\n[verse]\nc\nRepeat Chorus x2", "[chorus] b , [verse] c , [chorus] b , [chorus] b"),
        ("[chorus]\nb\n(x2)", "[chorus] b , [chorus] b"),
        (
            "one line\n\nla la la\n\nother line\n\nLa la la!",
            "[verse] one line , [chorus] la la la , [verse] other line , [chorus] La la la",
        ),
        ("[Outro]\ngoodbye\n[Intro]\nooh", "[verse] goodbye , [outro] , [intro] , [verse] ooh"),
        ("[verse]\nstay - wait -- slow-cooked love —", "[verse] stay. wait. slow-cooked love"),
        ("[verse]\nhello (world", "[verse] hello world"),
        ("[Guest Verse]\nla\n[Build-Up]\nlo\n[Beat Drop]\n[Bridge – Slow, Layered]\nli", GUESTS),
        ("-Chorus-\nla\n~ Bridge ~\nlo\nVERSE III\nli", "[chorus] la , [bridge] lo , [verse] li"),
        ("<verse>\nla\n</verse>\n[[chorus]]\nlo\n[/chorus]", "[verse] la , [chorus] lo"),
        ("[verse]\n(Stop)\nStop: in the name (of love)", "[verse] Stop. Stop. in the name. of love"),
        ("(Guitar riff)\n(Instrumental)\n(Verse 1)\nla", "[inst] [inst] , [verse] la"),
        ("1. Verse\nla\n2) lo", "[verse] la. lo"),
        ("[副歌]x2\n啦啦\nChorus (x2):\nla", "[chorus] 啦啦 , [chorus] 啦啦 , [chorus] la , [chorus] la"),
        ("女：你好\nBoth: hello", "[verse] 你好. hello"),
        ("[chorus]\nla\n[Repeat Chorus 2x]", "[chorus] la , [chorus] la , [chorus] la"),
        ("[verse]\ncall 555-1234, 24/7", "[verse] call five five five one two three four. twenty four seven"),
        ("[verse] hello\r\nworld\r\n", "[verse] hello. world"),
        ("\ufeff[verse]\nhello", "[verse] hello"),
        ("[verse]\nsmørrebrød e\u0301tude", "[verse] smorrebrod etude"),
    ],
)
def test_pasted_lyrics_become_the_grammar(pasted: str, grammar: str) -> None:
    assert parsed(pasted) == grammar
    assert parsed(grammar) == grammar


@pytest.mark.parametrize(
    "grammar",
    [
        "[verse] Run with me  down the street. Where , [chorus] here , [outro]",
        "[intro] [intro] , [verse] 想见你.在晨曦中 , [chorus] In every sway, a tale! Oh? , [inst] [inst]",
        "[verse] love of mine ,  [chorus] old. , [outro] [outro]",
        "[verse] 24 hours a day , [silence]",
    ],
)
def test_the_released_grammar_is_kept_space_for_space(grammar: str) -> None:
    assert parsed(grammar) == grammar
    assert parsed(f"\n{grammar}\n") == grammar


@pytest.mark.parametrize(
    ("pasted", "spoken"),
    [
        (
            "I owe you $5 or $1,250.50",
            "I owe you five dollars or one thousand two hundred fifty dollars and fifty cents",
        ),
        ("50% love & you", "fifty percent love and you"),
        ("at 3:30 pm, 12:00 or 2AM", "at three thirty pee em. twelve o'clock or two ay em"),
        ("the 90s and 1980's", "the nineties and nineteen eighties"),
        ("3.5 miles 1,000 ways", "three point five miles one thousand ways"),
        ("in 1999 for 32 days", "in nineteen ninety nine for thirty two days"),
        ("#1 Mr. Moon and/or rock 'n' roll", "number one mister Moon and or rock and roll"),
        ("第3次 24小时", "第三次. 二十四小时"),
    ],
)
def test_signs_and_numbers_are_written_as_words(pasted: str, spoken: str) -> None:
    assert parsed(f"[verse]\n{pasted}") == f"[verse] {spoken}"


def test_a_tag_of_a_model_whose_tags_last_longer() -> None:
    assert parsed("[inst:12s]\n[verse]\nhello\n[outro:1s]", 5.0) == "[inst] [inst] , [verse] hello , [outro]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("[vers]\nhello", r"line 1, column 1: unknown tag 'vers'; nearest is \[verse\]"),
        ("[verse]\nhi\n  [Chrous 2]\nhello", r"line 3, column 3: unknown tag 'Chrous 2'; nearest is \[chorus\]"),
        ("Vers 2:\nhello", r"unknown tag 'Vers 2'; nearest is \[verse\]"),
        ("[brigde] hello", r"nearest is \[bridge\]"),
        ("[verse]\nhe\0llo", "line 2, column 3 holds a NUL"),
        ("[verse]\nשלום", "line 2, column 1 is in a right-to-left script"),
        ("la " * 400_000, "1,200,000 characters"),
        ("[chorus x99]\nla", "99 repeats"),
        ("[inst:9999s]\n[verse]\nla", "longer than 600 s"),
        ("[chorus x16]\n" + "la " * 1000, "written out"),
        ("9" * 50, "50 digits"),
        ("🎵🎵", "nothing in the lyrics can be sung"),
        ("...!?", "nothing in the lyrics can be sung"),
    ],
)
def test_refusals_say_what_and_where_in_one_line(text: str, message: str) -> None:
    with pytest.raises(LyricsError, match=message) as refusal:
        parsed(text)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[verse]\nhello, world", [("comma", 2, 6)]),
        ("[verse]\nhello 🎵 world", [("removed-character", 2, 7)]),
        ("[verse]\nhello (softly)", [("direction", 2, 7)]),
        ("[verse]\nhello (world)", [("aside", 2, 7)]),
        ("[Hook]\nla", [("alias", 1, 1)]),
        ("[verse]\n\n[chorus]\nla", [("empty-section", 1, 1)]),
        ("[chorus]\nla\n[chorus]", [("repeat", 3, 1)]),
        ("[intro]\nooh", [("words-under-tag", 1, 1)]),
        ("hello", [("untagged", 1, 1)]),
        ("Genre: rock\n[verse]\nla", [("metadata", 1, 1)]),
        ("[verse]\nAm G C\nla", [("chords", 2, 1)]),
        ("[verse]\npay $5", [("read-out", 2, 5)]),
        ("(chorus:2)\nla", [("number", 1, 1)]),
        ("[verse:30s]\nla", [("length", 1, 1)]),
        ("1. la", [("numbering", 1, 1), ("untagged", 1, 4)]),
        ("Both: la", [("direction", 1, 1), ("untagged", 1, 7)]),
        ("[verse]\nla ^ la ]", [("removed-character", 2, 4), ("removed-character", 2, 9)]),
    ],
)
def test_changes_are_told_with_line_and_column(text: str, found: list[tuple[str, int, int]]) -> None:
    assert codes(text) == found
