from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.voice_params import FLOOR, HARMONIC_BANDS, NOISE_BANDS

_BANDS = arrays(np.float32, (5, 104), elements=st.floats(-2.75, 5, width=32))


@pytest.mark.parametrize("bands", [HARMONIC_BANDS, NOISE_BANDS])
def test_bands_average_and_ascend(bands: int) -> None:
    assert voice_params.band_weights(bands).sum(1) == pytest.approx(1, abs=1e-5)
    assert (np.diff(voice_params.band_centres(bands)) >= 1).all()


def test_flat_gains_stay_flat_whatever_the_pitch() -> None:
    flat = np.full((601, 6), 2.0, np.float32)
    quiet = np.full((601, 6), -15.0, np.float32)
    out = voice_params.compress(flat, quiet, quiet, np.array([100, 200, 300, 400, 650, 130], np.float32))
    assert out[:, :HARMONIC_BANDS] == pytest.approx(np.log(np.exp(2) + FLOOR), abs=1e-4)
    assert out[:, HARMONIC_BANDS:] == pytest.approx(np.log(FLOOR), abs=1e-3)


def test_the_harmonics_are_all_that_is_seen() -> None:
    gain = np.full((601, 2), -15.0, np.float32)
    gain[::10] = 1.0
    out = voice_params.compress(gain, gain - 15, gain - 15, np.array([200, 200], np.float32))
    assert out[:, :60] == pytest.approx(np.log(np.exp(1) + FLOOR), abs=1e-4)


def test_unvoiced_stretches_fade_to_rest() -> None:
    gain = np.full((601, 80), 3.0, np.float32)
    f0 = np.zeros(80, np.float32)
    f0[:10] = 150
    out = voice_params.compress(gain, gain - 20, gain - 20, f0)
    assert out[9, 0] > out[20, 0] > out[40, 0]
    assert out[79, :HARMONIC_BANDS] == pytest.approx(voice_params.REST, abs=0.01)


def test_noise_and_free_branch_add_as_power() -> None:
    both = np.full((601, 3), 1.0, np.float32)
    out = voice_params.compress(both - 20, both, both, np.zeros(3, np.float32))
    assert out[:, HARMONIC_BANDS:] == pytest.approx(1 + 0.5 * np.log(2), abs=1e-3)


@settings(deadline=None)
@given(_BANDS)
def test_scaling_by_one_changes_nothing_and_scalings_multiply(bands: np.ndarray) -> None:
    assert voice_params.scale(bands, 1.0) == pytest.approx(bands, abs=2e-3)
    twice = voice_params.scale(voice_params.scale(bands, 2.0), 1.5)
    assert twice == pytest.approx(voice_params.scale(bands, 3.0), abs=5e-3)


def test_resampling_reads_a_ramp_at_frame_centres() -> None:
    ramp = np.arange(81, dtype=np.float32)[:, None] / 80
    out = voice_params.resample(ramp, 100)
    assert out[:, 0] == pytest.approx((np.arange(100) + 0.5) / 100, abs=1e-5)
