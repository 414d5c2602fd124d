"""An outro for lyrics that are shorter than the song that is asked for."""

from __future__ import annotations

_TAG = "[outro]"
_LEAST_SHARE = 0.5
"""A song may be through with its words in so much of the time that was estimated for them and the end after them."""


def with_outro(text: str, sung_seconds: float, seconds: float, tag_seconds: float, room: int) -> str:
    """``text`` with as many outro tags as fill what the words may leave of ``seconds``; itself where that is none.

    The band then plays on to the end, where a model with nothing left to sing would fall silent or begin again. Words
    are often done long before the ``sung_seconds`` that are estimated for them: tags that turn out to be too many are
    cut off with the song. ``tag_seconds`` is how long one tag lasts, ``room`` how many rows are left for them.
    """
    # The first needs a row for the comma that ends the section before.
    count = min(int((seconds - _LEAST_SHARE * sung_seconds) / tag_seconds), room - 1)
    return f"{text.rstrip()}\n\n{' '.join([_TAG] * count)}" if count > 0 else text
