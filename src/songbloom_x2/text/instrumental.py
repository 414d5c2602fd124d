"""Lyrics without words: how long a song plays, said in the released grammar's instrumental tags."""

from __future__ import annotations

_FRAMED = 5
"""Tags from which on a song has a beginning and an end of its own."""
_EDGE = 8
"""One tag in so many is the intro's, and as many the outro's."""


def instrumental_lyrics(seconds: float, instrumental_seconds: float, max_len: int) -> str:
    """Tags that last ``seconds`` together, at least one: ``[intro] [intro] , [inst] [inst] ... , [outro]``.

    ``instrumental_seconds`` is how long one tag lasts; there are no more rows than ``max_len``.
    """
    # The commas between the three parts are rows too.
    count = max(1, min(round(seconds / instrumental_seconds), max_len - 2))
    if count < _FRAMED:
        return " ".join(["[inst]"] * count)
    edge = max(1, count // _EDGE)
    parts = (("[intro]", edge), ("[inst]", count - 2 * edge), ("[outro]", edge))
    return " , ".join(" ".join([tag] * times) for tag, times in parts)
