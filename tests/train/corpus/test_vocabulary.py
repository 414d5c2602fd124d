from __future__ import annotations

from pathlib import Path

import pytest

from songbloom_x2.text.english import words
from songbloom_x2.train.corpus.kept_out import kept_out
from songbloom_x2.train.corpus.vocabulary import Vocabulary, load_vocabulary, syllable_count


@pytest.fixture(scope="module")
def full(cache: Path) -> Vocabulary:
    return load_vocabulary(cache)


def test_it_is_large_sorted_into_pools_and_family_safe(full: Vocabulary) -> None:
    assert full.size() > 10_000
    assert "window" in full.words["noun"]
    assert "beautiful" in full.words["adjective"]
    assert all(word.endswith("ing") for word in full.words["doing"])
    assert not [word for pool in full.words.values() for word in pool if kept_out().match(word)]


def test_its_words_are_pronounced_as_users_words_are(full: Vocabulary) -> None:
    sample = sorted(full.phonemes)[::61]
    for word in sample:
        (spoken,) = words(word)
        assert list(full.phonemes[word]) == list(spoken.phonemes)
        assert 1 <= syllable_count(full.phonemes[word]) <= 4


def test_kept_out_words_are_recognised_by_their_beginnings() -> None:
    pattern = kept_out()
    assert pattern.match("murderous")
    assert pattern.match("ass")
    assert not pattern.match("assembly")
    assert not pattern.match("window")
