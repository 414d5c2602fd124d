"""Steps from one style to another."""

from __future__ import annotations

from songbloom_x2.style_mixes import on_the_way, written_mix
from songbloom_x2.style_shelf import StyleShelf
from songbloom_x2.types import InterpolateRequest, Style, StyleMix


def steps_between(shelf: StyleShelf, request: InterpolateRequest) -> list[tuple[str, Style]]:
    """Each step as a request writes it, and its style; the ends are the two styles themselves.

    Raises ``ConfigError`` for a number of steps that makes no sense, ``StyleError`` for the styles.
    """
    found = []
    for parts in on_the_way(request.first, request.second, request.steps):
        mix = StyleMix(parts, request.method, request.spherical)
        style = shelf.style(parts[0][0]) if len(parts) == 1 else shelf.mix(mix)
        found.append((written_mix(parts), style))
    return found
