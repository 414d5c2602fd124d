"""Outro tags fill what words may leave of a song."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.text.outro import with_outro

WORDS = "[verse] Morning light"


def test_the_band_plays_on_also_where_words_are_sung_faster_than_estimated() -> None:
    assert with_outro(WORDS, 12.0, 14.0, 2.0, 100) == f"{WORDS}\n\n[outro] [outro] [outro] [outro]"
    assert with_outro(WORDS, 40.0, 14.0, 2.0, 100) == WORDS


@given(st.floats(0, 500), st.floats(0.5, 500), st.floats(0.5, 5), st.integers(-5, 300))
def test_no_more_than_there_is_room_for(sung: float, seconds: float, tag: float, room: int) -> None:
    tags = with_outro(WORDS, sung, seconds, tag, room).count("[outro]")
    assert tags <= max(room - 1, 0) and tags * tag <= seconds
