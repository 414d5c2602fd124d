"""Stages give the same however the sound is cut into pieces; seams and fades are where they should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.limiter import limited_gain
from songbloom_x2.audio.stages import Chain, Dropped, FadeOut, Level, Seam, Stage, joined
from songbloom_x2.types import FloatArray

RATE = 8000


def noise(samples: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(-1, 1, (2, samples)).astype(np.float32)


def passed(stage: Stage, sound: FloatArray, cuts: list[int]) -> FloatArray:
    borders = [0, *sorted(min(cut, sound.shape[1]) for cut in cuts), sound.shape[1]]
    return joined([*(stage.push(sound[:, a:b]) for a, b in pairwise(borders)), stage.flush()])


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=6), first=st.integers(0, 1500), overlap=st.integers(0, 400))
def test_pieces_of_any_size_give_the_same(cuts: list[int], first: int, overlap: int) -> None:
    sound, kept = noise(3000), noise(2000, 1)

    def chain() -> Chain:
        return Chain([Dropped(100), FadeOut(2000, 2900), Level(6.0, -3.0, RATE), Seam(kept, first, overlap)])

    whole = passed(chain(), sound, [])
    assert whole.shape[1] == 2900 - first
    assert np.abs(passed(chain(), sound, cuts) - whole).max(initial=0) < 1e-6


def test_a_seam_keeps_what_is_before_it() -> None:
    kept, coming = noise(1000, 1), noise(1500)
    seam = Seam(kept, 600, 100)
    sound = joined([seam.opened(), seam.push(coming)])
    assert np.array_equal(sound[:, :600], kept[:, :600])
    assert np.array_equal(sound[:, 700:], coming[:, 700:])
    weight = (np.arange(100) + 0.5) / 100
    assert np.allclose(sound[:, 600:700], kept[:, 600:700] * (1 - weight) + coming[:, 600:700] * weight, atol=1e-6)


def test_a_level_is_the_gain_under_the_ceiling() -> None:
    sound = noise(4000)
    assert np.allclose(passed(Level(-6.0, None, RATE), sound, [7]), sound * 10 ** (-6 / 20), atol=1e-6)
    loud = sound * np.float32(10 ** (6 / 20))
    wanted = loud * limited_gain(loud, 10 ** (-1 / 20), int(0.03 * RATE))
    held = passed(Level(6.0, -1.0, RATE), sound, [100, 101, 2500])
    assert np.abs(held - wanted).max() < 1e-6 and np.abs(held).max() <= 10 ** (-1 / 20) + 1e-6


def test_a_fade_ends_in_silence() -> None:
    faded = passed(FadeOut(500, 900), np.ones((1, 1000), np.float32), [600])
    assert (faded[:, :500] == 1).all() and (faded[:, 900:] == 0).all()
    assert (np.diff(faded[0, 500:900]) < 1e-7).all() and abs(faded[0, 700] - 0.5) < 0.01
