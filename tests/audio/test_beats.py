"""Beats are found, and recordings joined on them; what is before the crossfade stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.beats import BeatGrid, beat_grid, join_on_beats
from songbloom_x2.audio.loudness import integrated_lufs
from songbloom_x2.types import Waveform

RATE = 22050


def clicks(
    seconds: float, tempo: float, first: float, channels: int = 2, rate: int = RATE, level: float = 0.5
) -> Waveform:
    """A drum of noise on every beat over a quiet chord."""
    generator = np.random.default_rng(0)
    time = np.arange(int(seconds * rate)) / rate
    sound = 0.02 * np.sin(2 * np.pi * 220 * time)
    for beat in np.arange(first, seconds - 0.1, 60 / tempo):
        place, count = int(beat * rate), int(0.06 * rate)
        sound[place : place + count] += generator.normal(size=count) * np.exp(-np.arange(count) / (0.015 * rate))
    return Waveform((level * np.repeat(sound[None], channels, axis=0) / np.abs(sound).max()).astype(np.float32), rate)


@settings(max_examples=8, deadline=None)
@given(tempo=st.sampled_from([84.0, 100.0, 120.0, 133.0]), first=st.floats(0.05, 0.4))
def test_beats_are_where_the_drum_is(tempo: float, first: float) -> None:
    grid = beat_grid(clicks(15, tempo, first), 7.5)
    assert grid is not None
    beats = np.arange(first, 14, 60 / tempo)
    found = grid.first_from(7.0)
    assert np.abs(beats - found).min() < 0.03


def test_a_grid_counts_both_ways() -> None:
    grid = BeatGrid(0.2, 0.5)
    assert grid.last_until(1.19) == pytest.approx(0.7) and grid.first_from(0.71) == pytest.approx(1.2)
    assert grid.last_until(1.2) == pytest.approx(1.2) and grid.first_from(1.2) == pytest.approx(1.2)


def test_beat_meets_beat() -> None:
    first, second = clicks(12, 120, 0.13), clicks(10, 120, 0.31, level=0.1)
    joined = join_on_beats(first, second)
    assert joined.on_beats
    place = round(joined.start * RATE)
    assert np.array_equal(joined.waveform.samples[:, :place], first.samples[:, :place])
    # The drum of both falls on one grid.
    grid = beat_grid(joined.waveform, joined.start)
    assert grid is not None and grid.period == pytest.approx(0.5, abs=0.01)
    offset = (joined.start - 0.13) % 0.5
    assert min(offset, 0.5 - offset) < 0.03
    later = (0.31 - joined.skipped) % 0.5
    assert min(later, 0.5 - later) < 0.03
    ends = [Waveform(joined.waveform.samples[:, part], RATE) for part in (slice(0, 8 * RATE), slice(-6 * RATE, None))]
    assert abs(integrated_lufs(ends[0]) - integrated_lufs(ends[1])) < 1.5


def test_other_rates_and_channels() -> None:
    first, second = clicks(6, 120, 0.1, channels=1, rate=16000), clicks(6, 120, 0.1)
    joined = join_on_beats(first, second, seconds=1.0)
    assert joined.waveform.sample_rate == 16000 and joined.waveform.samples.shape[0] == 1
    assert joined.waveform.seconds == pytest.approx(joined.start + 6 - joined.skipped, abs=0.01)


def test_without_a_beat_it_is_a_plain_crossfade() -> None:
    time = np.arange(5 * RATE) / RATE
    hum = Waveform((0.1 * np.sin(2 * np.pi * 110 * time))[None].astype(np.float32), RATE)
    joined = join_on_beats(hum, hum, seconds=0.5)
    assert not joined.on_beats and joined.start == pytest.approx(4.5)
    assert joined.waveform.samples.shape[1] == 9.5 * RATE
