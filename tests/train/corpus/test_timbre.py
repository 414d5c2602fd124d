from __future__ import annotations

from pathlib import Path

import numpy as np

from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.synthesiser import Synthesiser
from songbloom_x2.train.corpus.timbre import distances, mean_spectra
from songbloom_x2.train.corpus.voices import VOICES


def test_there_are_eight_voices_and_more_of_different_timbre(lyricist: Lyricist, cache: Path) -> None:
    spectra = mean_spectra(lyricist, Synthesiser(cache), lines=2)
    apart = distances(spectra)
    assert list(spectra) == [voice.name for voice in VOICES]
    assert np.allclose(apart, apart.T)
    assert np.allclose(np.diag(apart), 0)
    pairs = apart[np.triu_indices(len(VOICES), 1)]
    assert pairs.mean() > 3
    # Eight of them differ by more than 1.5 dB from each other, in both kinds.
    kept: list[int] = []
    for index in range(len(VOICES)):
        if all(apart[index, other] > 1.5 for other in kept):
            kept.append(index)
    assert len(kept) >= 8
    assert {VOICES[index].sex for index in kept} == {"f", "m"}


def test_distances_are_root_mean_squares() -> None:
    found = distances({"one": np.array([1.0, -1.0], np.float32), "two": np.array([-2.0, 2.0], np.float32)})
    assert np.allclose(found, [[0, 3], [3, 0]])
