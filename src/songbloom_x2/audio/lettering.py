"""Digits and a few letters, five by seven pixels, for the scales of a picture."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

_GLYPHS = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    "k": "10000 10000 10010 10100 11000 10100 10010",
    "s": "00000 00000 01111 10000 01110 00001 11110",
}
WIDTH, HEIGHT = 6, 7
"""Pixels a sign takes, the gap to the next included."""


def stamp(
    pixels: npt.NDArray[np.uint8],
    text: str,
    x: int,
    y: int,
    colour: int,
    *,
    align: Literal["left", "middle", "right"] = "left",
) -> None:
    """Write ``text`` into ``pixels`` with its top at ``y`` and, by ``align``, its left, middle or right at ``x``.

    What lies outside is cut. Raises ``KeyError`` for a sign that is not drawn here.
    """
    width = WIDTH * len(text) - 1
    left = x - {"left": 0, "middle": width // 2, "right": width}[align]
    for place, sign in enumerate(text):
        for row, line in enumerate(_GLYPHS[sign].split()):
            for column, dot in enumerate(line):
                at = (y + row, left + place * WIDTH + column)
                if dot == "1" and 0 <= at[0] < pixels.shape[0] and 0 <= at[1] < pixels.shape[1]:
                    pixels[at] = colour
