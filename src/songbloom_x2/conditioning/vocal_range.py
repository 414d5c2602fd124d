"""Between which pitches a song is sung: about as far as the voice in the style prompt goes. Plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from songbloom_x2.config import PITCH_CENTRE, PITCH_UNIT, SketchLayout, TwoStemConfig

SPREADS = 2.0
"""Of the prompt's pitch: so many standard deviations up and down from its mean."""
LEAST, MOST = 5.5, 8.0
"""Semitones up and down at least and at most: a prompt of some seconds shows a part of a voice's range."""


def vocal_range(statistics: Sequence[float], codec: TwoStemConfig, layout: SketchLayout) -> tuple[int, int]:
    """Lowest and highest pitch of the layout, from a prompt's statistics (``conditioning.prior.prompt_statistics``).

    Everything where nobody sings in the prompt, or so high or low that the layout does not reach it.
    """
    everything = 0, layout.pitches - 1
    dim, parts = codec.voice_dim, codec.sub_frames
    if not any(statistics[: 2 * dim]):
        return everything
    mean = sum(statistics[dim - parts : dim]) / parts * PITCH_UNIT + PITCH_CENTRE
    spread = sum(statistics[2 * dim - parts : 2 * dim]) / parts * PITCH_UNIT
    width = min(max(SPREADS * spread, LEAST), MOST)
    lowest = max(round(mean - width) - layout.lowest_pitch, 0)
    highest = min(round(mean + width) - layout.lowest_pitch, layout.pitches - 1)
    return (lowest, highest) if lowest <= highest else everything
