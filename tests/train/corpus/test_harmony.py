from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.train.corpus.harmony import Chord, Key, chord_notes, progression

_KEYS = st.builds(Key, st.integers(0, 11), st.booleans())


@settings(deadline=None)
@given(_KEYS, st.integers(0, 999))
def test_what_may_be_sung_over_a_chord_holds_its_notes_and_seven_or_fewer(key: Key, seed: int) -> None:
    for chord in progression(key, 0.5, np.random.default_rng(seed)):
        scale = key.scale(chord)
        assert set(chord.tones) <= set(scale)
        assert 5 <= len(scale) <= 7


def test_the_dominant_of_a_minor_key_bends_the_scale() -> None:
    a_minor = Key(9, True)
    assert 8 in a_minor.scale(Chord(4, False))
    assert 7 not in a_minor.scale(Chord(4, False))
    assert 7 in a_minor.scale(Chord(9, True))


@settings(deadline=None)
@given(st.builds(Chord, st.integers(0, 11), st.booleans(), st.booleans()), st.integers(52, 68))
def test_chord_notes_are_the_chord_and_near(chord: Chord, around: int) -> None:
    notes = chord_notes(chord, around)
    assert {note % 12 for note in notes} >= set(chord.tones)
    assert len(notes) == 3 + chord.seventh
    assert all(abs(note - around) <= 14 for note in notes)


def test_keys_and_chords_are_numbered_two_a_root() -> None:
    assert [Key(0, False).index, Key(0, True).index, Key(1, False).index] == [0, 1, 2]
    assert Chord(11, True).index == 23
