from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.train.corpus.harmony import Key, progression
from songbloom_x2.train.corpus.melody import Grid, phrase_shape, place
from songbloom_x2.train.corpus.phonemes import Syllable

_SYLLABLE = st.builds(Syllable, st.just(()), st.just("AH"), st.just(()), st.integers(0, 2), st.just(0), st.booleans())
_GRID = Grid(16, 0.28, 8, 2.0)


@settings(deadline=None)
@given(st.integers(0, 500), st.booleans(), st.integers(45, 60))
def test_tunes_stay_in_range_and_in_key(seed: int, close: bool, lowest: int) -> None:
    rng = np.random.default_rng(seed)
    key = Key(seed % 12, bool(seed % 2))
    chords = progression(key, 0.0, rng)[:2]
    shape = phrase_shape(_GRID, chords, key, lowest, lowest + 13, rng, close=close)
    assert lowest <= shape.pitches.min() <= shape.pitches.max() <= lowest + 13
    for slot, pitch in enumerate(shape.pitches):
        assert pitch % 12 in key.scale(chords[slot // 8])
    assert shape.pitches[0] % 12 in chords[0].tones


@settings(deadline=None)
@given(st.lists(_SYLLABLE, min_size=1, max_size=14), st.integers(0, 3), st.integers(1, 4), st.integers(0, 99))
def test_syllables_get_slots_of_their_own_in_order(cut: list[Syllable], lead: int, rest: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    key = Key(0, False)
    shape = phrase_shape(_GRID, progression(key, 0.0, rng), key, 57, 70, rng, close=True)
    if len(cut) > _GRID.slots - lead - rest:
        cut = cut[: _GRID.slots - lead - rest]
    slots = place(cut, shape, _GRID, (lead, rest), rng)
    assert len(slots) == len(cut)
    assert (np.diff(slots) > 0).all()
    assert slots[0] >= lead
    assert slots[-1] < _GRID.slots - rest
