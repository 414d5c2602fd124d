"""Where a recording dies away, and where it was still loud before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.ending import last_loud, silent_from
from songbloom_x2.types import Waveform

RATE = 8000


def noise(*parts: tuple[float, float]) -> Waveform:
    """Seconds and dB of each part."""
    generator = np.random.default_rng(0)
    sound = [10 ** (level / 20) * generator.normal(size=(2, round(seconds * RATE))) for seconds, level in parts]
    return Waveform(np.concatenate(sound, axis=1).astype(np.float32), RATE)


def test_one_that_sounds_to_its_end_is_not_silent() -> None:
    assert silent_from(noise((8, -20)), 8.0) is None
    # A soft end is music still.
    assert silent_from(noise((6, -20), (2, -40)), 8.0) is None
    assert silent_from(Waveform(np.zeros((2, 8 * RATE), np.float32), RATE), 8.0) is None
    assert silent_from(noise((0.1, -20)), 0.1) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 40), st.integers(3, 12), st.floats(0, 1))
def test_the_silence_is_found_to_a_quarter_of_a_second(sounding: int, silent: int, depth: float) -> None:
    start = sounding / 4
    sound = noise((start, -20), (silent / 4, -60 - 40 * depth))
    assert silent_from(sound, sound.seconds) == start
    # What comes after, a fade, is not looked at.
    assert silent_from(sound, start) is None


def test_what_dies_away_was_loud_before() -> None:
    sound = noise((8, -20), (1, -35), (3, -90))
    assert silent_from(sound, 12.0) == 9.0
    assert last_loud(sound, 9.0) == 8.0
    # Of a long soft end no more than that is given up.
    assert last_loud(noise((12, -20), (4, -35), (2, -90)), 16.0) == pytest.approx(14.5)
