"""Steps from one style to another."""

from __future__ import annotations

from songbloom_x2.errors import ConfigError
from songbloom_x2.style_shelf import StyleShelf
from songbloom_x2.types import InterpolateRequest, Style, StyleMix

MOST_STEPS = 64


def steps_between(shelf: StyleShelf, request: InterpolateRequest) -> list[tuple[str, Style]]:
    """Each step as a request writes it, and its style; the ends are the two styles themselves.

    Raises ``ConfigError`` for a number of steps that makes no sense, ``StyleError`` for the styles.
    """
    if not 2 <= request.steps <= MOST_STEPS:
        raise ConfigError(f"steps {request.steps}: from 2 to {MOST_STEPS} songs lie between two styles, both included")
    found = [(request.first, shelf.style(request.first))]
    for step in range(1, request.steps - 1):
        share = step / (request.steps - 1)
        parts = ((request.first, 1 - share), (request.second, share))
        style = shelf.mix(StyleMix(parts, request.method, request.spherical))
        found.append((f"{request.first}:{1 - share!r} {request.second}:{share!r}", style))
    return [*found, (request.second, shelf.style(request.second))]
