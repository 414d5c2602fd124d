from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.limiter import levelled, limited_gain
from songbloom_x2.audio.loudness import integrated_lufs, true_peak
from songbloom_x2.types import Waveform


def song_with_peaks(height: float) -> Waveform:
    rng = np.random.default_rng(0)
    samples = 0.05 * rng.standard_normal((2, 48000 * 4))
    samples[:, 50_000:50_040] += height
    samples[:, 120_000:120_040] -= height
    return Waveform(samples.astype(np.float32), 48000)


def test_a_single_peak_no_longer_holds_the_song_down() -> None:
    found = levelled(song_with_peaks(0.9), target_lufs=-14, ceiling_db=-1)
    assert found.reduction_db > 6
    assert integrated_lufs(found.made.waveform) == pytest.approx(-14, abs=1.0)
    assert true_peak(found.made.waveform) <= -1 + 1e-3


def test_what_has_room_is_only_made_louder() -> None:
    quiet = song_with_peaks(0.0)
    found = levelled(quiet, target_lufs=-30, ceiling_db=-1)
    assert found.reduction_db == 0
    ratio = found.made.waveform.samples[0, 100] / quiet.samples[0, 100]
    assert np.allclose(found.made.waveform.samples, quiet.samples * ratio, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(4, 200), st.floats(0.1, 1))
def test_the_gain_keeps_every_sample_under_the_ceiling(seed: int, width: int, ceiling: float) -> None:
    samples = np.random.default_rng(seed).standard_normal((2, 500)).astype(np.float32)
    gain = limited_gain(samples, ceiling, width)
    assert float(np.abs(samples * gain).max()) <= ceiling * (1 + 1e-5)
    assert float(gain.max()) <= 1 + 1e-6
