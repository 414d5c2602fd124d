from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.train.forced_alignment import align_phonemes


def chances(frames: list[int], phonemes: int, sure: float = 0.7) -> np.ndarray:
    """Log chances that are highest for ``frames``."""
    table = np.full((len(frames), phonemes + 1), (1 - sure) / phonemes)
    table[np.arange(len(frames)), frames] = sure
    return np.log(table)


def test_phonemes_are_put_where_they_are_heard() -> None:
    heard = [3, 3, 0, 0, 1, 1, 1, 3, 0, 0, 3]
    current, pointer = align_phonemes(chances(heard, 3), [0, 1, 0])
    assert current.tolist() == heard
    assert pointer.tolist() == [0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3]


def test_a_doubled_phoneme_and_one_that_is_not_heard_have_their_place() -> None:
    current, pointer = align_phonemes(chances([0, 0, 0, 0, 1, 1], 3), [0, 0, 2, 1])
    assert pointer.tolist()[0] == 1 and pointer[-1] == 4
    assert 2 in current.tolist()


@given(st.lists(st.integers(0, 3), max_size=6), st.integers(6, 20), st.integers(0, 2**16))
def test_every_phoneme_is_sung_once_in_order(phonemes: list[int], frames: int, seed: int) -> None:
    table = np.log(np.random.default_rng(seed).dirichlet(np.ones(5), frames))
    current, pointer = align_phonemes(table, phonemes)
    assert len(current) == frames
    assert pointer[-1] == len(phonemes) and set(np.diff(pointer, prepend=0)) <= {0, 1}
    begun = np.flatnonzero(np.diff(pointer, prepend=0))
    assert current[begun].tolist() == phonemes
    inside = current != 4
    assert (current[inside] == np.array([*phonemes, 4])[pointer[inside] - 1]).all()


def test_too_many_phonemes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        align_phonemes(chances([0, 1], 2), [0, 1, 0])
