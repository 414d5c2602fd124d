from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.text.lrc import lrc
from songbloom_x2.types import TimedWord
from songbloom_x2.ui.sung_lines import HeardWord, heard_words, sung_lines

LYRICS = "[intro]\n\n[verse]\nMorning light, it's on the water.\nI can hear it.\n\n[chorus]\nSing it. Sing it!\n[outro]"


def _sung(*texts: str) -> list[HeardWord]:
    return [HeardWord(text, index, index + 0.5) for index, text in enumerate(texts)]


def test_words_of_an_lrc_file_come_back_with_their_times() -> None:
    words = [
        TimedWord("Morning", 1, 0, 1.0, 1.5),
        TimedWord("light", 1, 0, 1.5, 2.25),
        TimedWord("again", 2, 1, 9.0, 9.75),
    ]
    heard = heard_words(lrc(words, title="T", seconds=12.0, by_word=True))
    assert [word.text for word in heard] == ["Morning", "light", "again"]
    assert [word.start for word in heard] == [1.0, 1.5, 9.0]
    assert heard[-1].end == 9.75


def test_an_lrc_file_of_lines_alone_tells_no_words() -> None:
    assert heard_words(lrc([TimedWord("Morning", 1, 0, 1.0, 1.5)])) == []


def test_each_word_stands_on_its_line() -> None:
    words = _sung(
        "Morning", "light", "it's", "on", "the", "water", "I", "can", "hear", "it", "Sing", "it", "Sing", "it"
    )
    lines = sung_lines(LYRICS, words)
    assert [line.section for line in lines if line.section] == ["intro", "verse", "chorus", "outro"]
    assert [[word.text for word in line.words] for line in lines if line.text] == [
        ["Morning", "light", "it's", "on", "the", "water"],
        ["I", "can", "hear", "it"],
        ["Sing", "it", "Sing", "it"],
    ]


def test_lyrics_on_one_line_are_parted_at_sections_and_sentences() -> None:
    lines = sung_lines(
        "[verse] The road is long. It is cold. , [chorus] Run with me.", _sung("The", "road", "is", "long", "It")
    )
    assert [(line.section, line.text) for line in lines] == [
        ("verse", ""),
        (None, "The road is long."),
        (None, "It is cold."),
        ("chorus", ""),
        (None, "Run with me."),
    ]
    assert [len(line.words) for line in lines] == [0, 4, 1, 0, 0]


def test_a_word_that_was_cut_leaves_the_others_in_place() -> None:
    lines = sung_lines("[verse]\none two three\nfour five", _sung("one", "three", "five"))
    assert [[word.text for word in line.words] for line in lines[1:]] == [["one", "three"], ["five"]]


def test_chinese_lines() -> None:
    lines = sung_lines("[verse]\n清晨的光落在河面。\n我听见流水", _sung("清晨的光落在河面", "我听见", "流水"))
    assert [len(line.words) for line in lines] == [0, 1, 2]


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=8), max_size=30))
def test_no_word_is_lost_or_doubled_whatever_the_text(lyrics: str, texts: list[str]) -> None:
    words = _sung(*texts)
    placed = [word for line in sung_lines(lyrics, words) for word in line.words]
    assert len(placed) == len(set(placed))
    assert set(placed) <= set(words)
    assert placed == sorted(placed, key=lambda word: word.start)
