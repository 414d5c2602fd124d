from __future__ import annotations

import math

import numpy as np
import pytest

from songbloom_x2.evaluate.statistics import summary


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400).tolist()
    found = summary(values)
    assert found["mean"] == pytest.approx(np.mean(values), abs=1e-4)
    assert found["ci95"] == pytest.approx(1.96 * 2 / 20, rel=0.2)
    assert found["n"] == 400


def test_weights_count() -> None:
    assert summary([0.0, 1.0], [3, 1])["mean"] == 0.25


def test_nothing_measured_is_not_zero() -> None:
    assert math.isnan(summary([])["mean"])
