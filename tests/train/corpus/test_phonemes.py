from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.text.english_dictionary import pronunciations
from songbloom_x2.train.corpus.phonemes import IPA, SUNG, VOWELS, pronounce, sung, syllables

_READINGS = sorted({reading for word, reading in pronunciations().items() if word.isalpha() and "  " not in reading})


def test_there_are_forty_sung_phonemes_and_each_has_letters() -> None:
    assert len(SUNG) == 40
    assert set(IPA) == set(SUNG)


@settings(deadline=None)
@given(st.sampled_from(_READINGS))
def test_syllables_keep_every_phoneme_in_order(reading: str) -> None:
    phonemes = reading.split()
    cut = syllables(phonemes, 3)
    if any(phoneme[-1].isdigit() for phoneme in phonemes):
        assert [symbol for syllable in cut for symbol in syllable.phonemes] == [sung(phoneme) for phoneme in phonemes]
        assert all(syllable.nucleus in VOWELS for syllable in cut)
        assert [syllable.ends_word for syllable in cut] == [False] * (len(cut) - 1) + [True]
    else:
        assert cut == []


def test_consonants_open_the_syllable_that_english_lets_them_open() -> None:
    def cut(word: str) -> list[str]:
        return ["".join(syllable.phonemes) for syllable in syllables(pronounce(word), 0)]

    assert cut("window") == ["WIHN", "DOW"]
    assert cut("surprise") == ["SER", "PRAYZ"]
    assert cut("singing") == ["SIHNG", "IHNG"]
    assert cut("country") == ["KAHN", "TRIY"]
    assert cut("extra") == ["EHK", "STRAX"]


def test_the_unstressed_ah_is_its_own_phoneme() -> None:
    assert [sung(phoneme) for phoneme in pronounce("above")] == ["AX", "B", "AH", "V"]
