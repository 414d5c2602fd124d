"""Tempo and key of a finished song: what the model was told, and what is heard in the sound."""

from __future__ import annotations

from typing import Any

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo
from songbloom_x2.style_words import key_name
from songbloom_x2.types import Style, Waveform


def music_of(waveform: Waveform, style: Style | None) -> dict[str, Any]:
    """``tempo`` (beats a minute) and ``key`` by name, each as ``told`` by the style and as ``heard``; none: unknown.

    What was told rules the song's bars and harmony. What is heard is an estimate, which takes half of a tempo, double
    or two thirds for it now and then, and a key for its neighbour.
    """
    tempo, key = estimate_tempo(waveform), estimate_key(waveform)
    told_tempo, told_key = (None, None) if style is None else (style.tempo, style.key)
    return {
        "tempo": {"told": told_tempo, "heard": None if tempo is None else round(tempo, 1)},
        "key": {
            "told": None if told_key is None else key_name(told_key),
            "heard": None if key is None else key_name(key),
        },
    }
