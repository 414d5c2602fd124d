"""The styles by name."""

from __future__ import annotations

from songbloom_x2.train.corpus.style import Style
from songbloom_x2.train.corpus.styles_acoustic import ACOUSTIC
from songbloom_x2.train.corpus.styles_electric import ELECTRIC

STYLES: tuple[Style, ...] = (*ELECTRIC, *ACOUSTIC)


def style_named(name: str) -> Style:
    """The style of that name.

    Raises ``KeyError`` where there is none.
    """
    return {style.name: style for style in STYLES}[name]
