"""Resampling, mixing and joining."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.crossfade import Shape, crossfade, fades
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform


def constant(value: float, count: int, channels: int = 2, rate: int = 1000) -> Waveform:
    return Waveform(np.full((channels, count), value, np.float32), rate)


@pytest.mark.parametrize(("old", "new"), [(44100, 48000), (48000, 24000), (22050, 48000), (48000, 16000)])
def test_a_tone_stays_a_tone(old: int, new: int) -> None:
    def tone(rate: int) -> Waveform:
        angle = 2 * np.pi * 1234 * np.arange(rate) / rate
        return Waveform(np.stack([np.sin(angle), 0.5 * np.cos(angle)]).astype(np.float32), rate)

    result = resample(tone(old), new)
    assert result.sample_rate == new
    assert result.samples.shape == (2, new)
    assert result.samples.dtype == np.float32
    inner = slice(new // 20, -new // 20)
    np.testing.assert_allclose(result.samples[:, inner], tone(new).samples[:, inner], atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5000), st.sampled_from([8000, 22050, 44100, 48000]), st.sampled_from([16000, 44100, 48000]))
def test_resampling_keeps_the_length(count: int, old: int, new: int) -> None:
    result = resample(constant(0.5, count, rate=old), new)
    assert abs(result.samples.shape[1] - count * new / old) <= 1


def test_the_same_rate_changes_nothing() -> None:
    sound = constant(0.5, 10)
    assert resample(sound, 1000) is sound


def test_a_rate_must_be_positive() -> None:
    with pytest.raises(AudioError, match="positive rate"):
        resample(constant(0, 10), 0)


def test_mixing() -> None:
    sides = Waveform(np.array([[1, 0], [0, 0.5]], np.float32), 1000)
    np.testing.assert_array_equal(to_mono(sides).samples, [[0.5, 0.25]])
    assert to_stereo(sides) is sides
    np.testing.assert_array_equal(to_stereo(to_mono(sides)).samples, [[0.5, 0.25], [0.5, 0.25]])
    six = Waveform(np.arange(12, dtype=np.float32).reshape(6, 2), 1000)
    np.testing.assert_array_equal(to_stereo(six).samples, [[5, 6], [5, 6]])


@given(st.integers(0, 500))
def test_fades_keep_power_or_amplitude(count: int) -> None:
    going, coming = fades(count)
    np.testing.assert_allclose(going**2 + coming**2, 1, atol=1e-6)
    going, coming = fades(count, "linear")
    np.testing.assert_allclose(going + coming, 1, atol=1e-6)
    assert (np.diff(coming) > 0).all()


@pytest.mark.parametrize("shape", ["equal_power", "linear"])
def test_a_crossfade_joins_two_sounds(shape: Shape) -> None:
    joined = crossfade(constant(0.5, 3000), constant(-0.25, 2000), 0.4, shape=shape)
    assert joined.samples.shape == (2, 4600)
    assert (joined.samples[:, :2600] == 0.5).all()
    assert (joined.samples[:, 3000:] == -0.25).all()
    assert (np.diff(joined.samples[:, 2599:3001]) < 0.01).all()


def test_related_sounds_join_without_a_seam() -> None:
    joined = crossfade(constant(0.5, 3000), constant(0.5, 2000), 0.5, shape="linear")
    np.testing.assert_allclose(joined.samples, 0.5, atol=1e-6)


def test_no_overlap_is_a_plain_join() -> None:
    assert crossfade(constant(1, 10), constant(0, 5), 0).samples[0].tolist() == [1] * 10 + [0] * 5


@pytest.mark.parametrize(
    ("second", "seconds", "message"),
    [
        (constant(0, 1000, rate=2000), 0.1, "1000 Hz with 2000 Hz"),
        (constant(0, 1000, channels=1), 0.1, "2 and 1 channels"),
        (constant(0, 100), 0.5, "0 to 0.10 s"),
        (constant(0, 100), -0.1, "0 to 0.10 s"),
    ],
)
def test_what_does_not_fit_is_refused(second: Waveform, seconds: float, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        crossfade(constant(0, 1000), second, seconds)
