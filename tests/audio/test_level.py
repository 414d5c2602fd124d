"""Loudness against the reference signals of EBU Tech 3341, true peak against known sines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.loudness import integrated_lufs, normalise, true_peak
from songbloom_x2.types import FloatArray, Waveform

RATE = 48000


def sine(level_db: float, seconds: float, frequency: float = 1000.0, phase: float = 0.0) -> FloatArray:
    angle = 2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE + phase
    return (10 ** (level_db / 20) * np.sin(angle)).astype(np.float32)


def stereo(*parts: FloatArray) -> Waveform:
    return Waveform(np.repeat(np.concatenate(parts)[None], 2, axis=0), RATE)


@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(-23, 5)], -23),
        ([(-33, 5)], -33),
        ([(-36, 3), (-23, 45), (-36, 3)], -23),
        ([(-72, 3), (-36, 3), (-23, 45), (-36, 3), (-72, 3)], -23),
        ([(-26, 10), (-20, 10.05), (-26, 10)], -23),
    ],
)
def test_the_reference_signals_read_as_they_should(parts: list[tuple[float, float]], lufs: float) -> None:
    sound = stereo(*(sine(level, seconds) for level, seconds in parts))
    assert integrated_lufs(sound) == pytest.approx(lufs, abs=0.1)


def test_one_channel_is_three_decibels_less() -> None:
    assert integrated_lufs(Waveform(sine(0, 5, 997)[None], RATE)) == pytest.approx(-3.01, abs=0.1)


def test_another_rate_reads_the_same() -> None:
    angle = 2 * np.pi * 1000 * np.arange(44100 * 5) / 44100
    sound = Waveform(np.repeat((10 ** (-23 / 20) * np.sin(angle)).astype(np.float32)[None], 2, axis=0), 44100)
    assert integrated_lufs(sound) == pytest.approx(-23, abs=0.1)


def test_silence_and_nothing_have_no_loudness() -> None:
    for count in (0, 1, 100, RATE):
        silent = Waveform(np.zeros((2, count), np.float32), RATE)
        assert integrated_lufs(silent) == -math.inf
        assert true_peak(silent) == -math.inf
    assert integrated_lufs(Waveform(np.ones((2, 1), np.float32), RATE)) == -math.inf
    assert integrated_lufs(stereo(sine(-90, 2))) == -math.inf


def test_less_than_a_block_is_measured_too() -> None:
    assert integrated_lufs(stereo(sine(-23, 0.2))) == pytest.approx(-23, abs=0.5)
    assert integrated_lufs(stereo(sine(-23, 0.4))) == pytest.approx(-23, abs=0.3)


@pytest.mark.parametrize(
    ("frequency", "phase", "peak"),
    [(12000, 45, -6.0), (12000, 0, -6.0), (8000, 60, -6.0), (6000, 67.5, -6.0), (997, 0, -6.0)],
)
def test_the_true_peak_lies_between_the_samples(frequency: float, phase: float, peak: float) -> None:
    sound = sine(-6.0, 1, frequency, math.radians(phase))
    fade = np.minimum(1, np.arange(len(sound)) / 4800).astype(np.float32)
    assert true_peak(Waveform((sound * fade * fade[::-1])[None], RATE)) == pytest.approx(peak, abs=0.2)


def test_the_true_peak_is_never_under_the_sample_peak() -> None:
    click = np.zeros((1, 1000), np.float32)
    click[0, 500] = 1
    assert true_peak(Waveform(click, RATE)) >= 0


@settings(max_examples=12, deadline=None)
@given(st.floats(-50, 6), st.floats(-40, -5), st.floats(-6, 0), st.integers(0, 2**32 - 1))
def test_normalising_hits_the_target_or_the_ceiling(level: float, target: float, ceiling: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, (2, RATE)).astype(np.float32)
    sound = Waveform(noise * np.float32(10 ** (level / 20)), RATE)
    result = normalise(sound, target_lufs=target, ceiling_db=ceiling)
    assert true_peak(result.waveform) <= ceiling + 1e-3
    lufs = integrated_lufs(result.waveform)
    if result.limited_by == "loudness":
        assert lufs == pytest.approx(target, abs=0.05)
    else:
        assert lufs < target
        assert true_peak(result.waveform) == pytest.approx(ceiling, abs=1e-3)
    assert (result.lufs, result.true_peak_db) == pytest.approx((lufs, true_peak(result.waveform)), abs=0.05)
    np.testing.assert_allclose(
        result.waveform.samples, sound.samples * 10 ** (result.gain_db / 20), rtol=1e-5, atol=1e-9
    )


def test_silence_stays_silence() -> None:
    silent = Waveform(np.zeros((2, RATE), np.float32), RATE)
    result = normalise(silent, target_lufs=-14, ceiling_db=-1)
    assert (result.gain_db, result.limited_by) == (0, "silence")
    assert not result.waveform.samples.any()
