from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from songbloom_x2.evaluate.sound import (
    clipped,
    colour_change,
    drift,
    longest_held,
    silence,
    stereo_width,
)
from songbloom_x2.types import Waveform

RATE = 16000


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, (2, round(seconds * RATE))).astype(np.float32)


def test_silence_inside_is_told_from_that_at_the_ends() -> None:
    gap, sound = np.zeros((2, 3 * RATE), np.float32), noise(4)
    share, longest = silence(Waveform(np.concatenate([gap, sound, gap[:, :RATE], sound, gap], axis=1), RATE))
    assert share == pytest.approx(7 / 15, abs=0.01)
    assert longest == pytest.approx(1.0, abs=0.06)
    assert silence(Waveform(gap, RATE)) == (1.0, 0.0)


def test_clipping_counts_samples_at_full_scale() -> None:
    samples = noise(1)
    assert clipped(Waveform(samples, RATE)) == 0
    samples[0, :160] = -1.0
    assert clipped(Waveform(samples, RATE)) == pytest.approx(160 / samples.size)


def test_width_of_mono_unrelated_and_opposite_sides() -> None:
    one = noise(2)
    assert stereo_width(Waveform(np.stack([one[0], one[0]]), RATE)) == 0
    assert stereo_width(Waveform(one, RATE)) == pytest.approx(1, abs=0.1)
    assert stereo_width(Waveform(np.stack([one[0], -0.5 * one[0]]), RATE)) > 5
    assert stereo_width(Waveform(one[:1], RATE)) == 0


def dulled(samples: np.ndarray, cutoff: float) -> np.ndarray:
    return sosfilt(butter(1, cutoff, fs=RATE, output="sos"), samples).astype(np.float32)


def test_drift_is_what_songs_change_in_common() -> None:
    steady = Waveform(noise(40), RATE)
    change = colour_change(steady)
    assert change is not None and np.nanmax(np.abs(change)) < 1.5
    halves = [np.concatenate([noise(20, seed=s), dulled(noise(20, seed=s + 9), 1500)], axis=1) for s in range(3)]
    changes = np.stack([colour_change(Waveform(samples, RATE)) for samples in halves])
    assert drift(changes) > 3
    # One song grows duller, the other brighter: nothing in common.
    assert drift(np.stack([changes[0], -changes[0]])) < 0.01
    assert colour_change(Waveform(noise(29), RATE)) is None
    assert colour_change(steady, until=90) is None


def test_a_hanging_loop_is_found_and_music_is_not() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(RATE // 2) / RATE
    notes = [np.sin(2 * np.pi * f * time) * np.exp(-3 * time) for f in rng.choice(np.geomspace(110, 880, 25), 20)]
    tune = np.concatenate(notes)[None].astype(np.float32) * 0.3
    drone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE)[None].astype(np.float32)
    assert longest_held(Waveform(tune, RATE)) <= 1
    assert longest_held(Waveform(np.concatenate([tune, drone, tune], axis=1), RATE)) == pytest.approx(4, abs=0.6)
    assert longest_held(Waveform(np.zeros((1, 5 * RATE), np.float32), RATE)) == 0
