"""Any text becomes lyrics whose grammar means the same again, or is refused in one line."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from songbloom_x2.config import LyricsConfig
from songbloom_x2.errors import LyricsError
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.grammar import by_lines, is_released
from songbloom_x2.text.parse import parse
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.text.vocabulary import INSTRUMENTAL_TAGS, SUNG_TAGS, released_vocabulary, sung_vocabulary

RELEASED = LyricsConfig(released_vocabulary(), max_len=40)
SUNG = LyricsConfig(sung_vocabulary(), folding="sung")

FRAGMENTS = (
    *("[verse]", "[Verse 2]", "[chorus]", "[Chorus x2]", "[intro:3s]", "(inst:4)", "Verse 1:", "Outro", "[repeat]"),
    *("[Pre-Chorus]", "(x2)", "x3", "(softly)", "[laughs]", "(ooh yeah)", "[", "]", "(", ")", "[00:01.00]", "【副歌】"),
    *(
        "Hello",
        "city lights",
        "don't",
        "'cause",
        "slow-cooked",
        "--",
        "-",
        "...",
        ",",
        ".",
        " , ",
        "!",
        "?",
        "，",
        "。",
    ),
    *("想见你", "月亮 代表", "24小时", "50%", "$5", "3:30pm", "1,000", "the 90s", "Mr. Moon", "&", "#1", "a/b"),
    *(
        "\n",
        "\n\n",
        " ",
        "  ",
        "\t",
        "\u3000",
        "🎵",
        "\u200d",
        "\u0301",
        "<br>",
        "**",
        "# ",
        "> ",
        "Title: X",
        "Am G C",
    ),
    *("ｆｕｌｌ", "“quoted”", "привет", "かな", "½", "①", "_", "|", "~", "\\", "^", "{", "}", "<", ">", "=", "+", "@"),
    *("主歌1：", "。", "Am G C", "é", "ß", "№", "°", "…"),
)

pasted = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join) | st.lists(
    st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=20
).map(" ".join)
anything = st.text(max_size=80) | st.text(alphabet=string.printable, max_size=120) | pasted


def parsed(text: str) -> str:
    return parse(text, Findings(), instrumental_seconds=1.0).text


@settings(max_examples=120, deadline=None)
@given(anything)
@example("[verse] hello  world , [chorus] foo, bar , [inst] [inst]")
@example("[verse x16][verse]\na")
@example("a [b] c")
def test_the_grammar_is_a_fixed_point(text: str) -> None:
    try:
        once = parsed(text)
    except LyricsError as refusal:
        assert "\n" not in str(refusal)
        return
    assert is_released(once)
    assert parsed(once) == once


@settings(max_examples=60, deadline=None)
@given(pasted)
def test_printed_by_lines_nothing_but_the_commas_is_gone(text: str) -> None:
    try:
        once = parsed(text)
    except LyricsError:
        return
    assert " ".join(by_lines(once)).split() == [piece for piece in once.split() if piece != ","]


@settings(max_examples=60, deadline=None)
@given(anything, st.sampled_from([RELEASED, SUNG]))
def test_ids_fit_the_model_and_losses_are_told(text: str, config: LyricsConfig) -> None:
    try:
        prepared = prepare_lyrics(text, config, instrumental_seconds=1.0)
    except LyricsError as refusal:
        assert "\n" not in str(refusal)
        return
    assert len(prepared.ids) == len(prepared.symbols) <= config.max_len
    assert all(config.vocabulary[index] == symbol for index, symbol in zip(prepared.ids, prepared.symbols, strict=True))
    lines = text.splitlines()
    for finding in prepared.findings:
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
    assert prepared.estimated_seconds > 0


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="אבגدعرب", min_size=1, max_size=5), pasted)
def test_right_to_left_text_is_refused(word: str, text: str) -> None:
    with pytest.raises(LyricsError, match=r"^[^\n]*right-to-left[^\n]*$"):
        parsed(f"{text.replace(chr(0), '')} {word}")


@settings(max_examples=60, deadline=None)
@given(pasted)
def test_every_section_is_closed_by_a_comma_and_has_what_its_tag_wants(text: str) -> None:
    try:
        lyrics = parse(text, Findings(), instrumental_seconds=1.0)
    except LyricsError:
        return
    if is_released(text.strip("\n")):
        return
    for section in lyrics.sections():
        assert section.tag in SUNG_TAGS + INSTRUMENTAL_TAGS
        assert bool(section.pieces) == (section.tag in SUNG_TAGS)
    assert lyrics.text.count(",") == lyrics.text.count(" , ")
