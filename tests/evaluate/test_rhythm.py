from __future__ import annotations

import numpy as np
import pytest

from songbloom_x2.evaluate.rhythm import beat_wander, tempo_error
from songbloom_x2.types import Waveform

RATE = 22050


def clicks(times: np.ndarray, seconds: float) -> Waveform:
    samples = np.zeros(round(seconds * RATE), np.float32)
    click = np.random.default_rng(0).normal(0, 0.3, 600) * np.exp(-np.arange(600) / 80)
    for time in times:
        start = round(time * RATE)
        part = click[: len(samples) - start]
        samples[start : start + len(part)] += part.astype(np.float32)
    return Waveform(samples[None], RATE)


def test_half_and_double_are_the_same_tempo_unless_octaves_count() -> None:
    assert tempo_error(60.6, 120) == pytest.approx(0.01)
    assert tempo_error(60.6, 120, octaves=False) == pytest.approx(0.495)
    assert tempo_error(90, 120) > 0.2


def test_a_steady_beat_does_not_wander_whatever_tempo_is_believed() -> None:
    steady = clicks(np.arange(0.1, 39.5, 0.5), 40)
    for believed in (120.0, 121.0):
        wander = beat_wander(steady, believed)
        assert wander is not None and wander < 4


def test_a_beat_that_hurries_and_lags_wanders_by_as_much() -> None:
    beats = np.arange(0.2, 39, 0.5)
    swaying = beats + 0.06 * np.sin(2 * np.pi * beats / 26)
    wander = beat_wander(clicks(swaying, 40), 120.0)
    # The root mean square of a sine of 60 ms is 42; windows of 8 s and the fitted line take a part of it.
    assert wander is not None and 15 < wander < 45


def test_no_beat_is_no_figure() -> None:
    assert beat_wander(Waveform(np.zeros((1, 30 * RATE), np.float32), RATE), 120.0) is None
    assert beat_wander(clicks(np.arange(0, 9, 0.5), 10), 120.0) is None
