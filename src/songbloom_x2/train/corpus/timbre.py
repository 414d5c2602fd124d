"""How far apart the voices are: their mean spectra on the same lines, each at the middle of its range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.pitch import hertz
from songbloom_x2.train.corpus.score import compose
from songbloom_x2.train.corpus.singer import timed_lines
from songbloom_x2.train.corpus.synthesiser import Synthesiser
from songbloom_x2.train.corpus.voices import VOICES, Voice, colour
from songbloom_x2.types import FloatArray

_NEPER = 8.685889638
_HIGHEST_BAND = 56
"""Harmonic bands up to about 9 kHz: above, harmonics fade into the noise."""
_LOUD = 30
"""Percent of the voiced frames, the faintest, that are left out."""


def mean_spectra(
    lyricist: Lyricist, synthesiser: Synthesiser, voices: Sequence[Voice] = VOICES, *, seed: int = 5, lines: int = 4
) -> dict[str, FloatArray]:
    """Mean log-spectrum of the harmonics of each voice, in dB with its mean removed: ``[56]`` mel bands."""
    timed = timed_lines(compose(seed, lyricist, seconds=20))[:lines]
    spectra: dict[str, FloatArray] = {}
    for voice in voices:
        middle = float(hertz(np.float32((voice.lowest + voice.highest) / 2)))
        frames = []
        for line in timed:
            voiced = synthesiser.voiced(line)
            f0 = np.where(voiced, middle, 0).astype(np.float32)
            sung = colour(synthesiser.sing(line, f0), voice)
            bands = voice_params.compress(sung.harmonic, sung.noise, sung.free, f0)
            frames.append(bands[voiced][:, :_HIGHEST_BAND] * _NEPER)
        heard = np.concatenate(frames)
        level = heard.mean(1)
        mean = heard[level > np.percentile(level, _LOUD)].mean(0)
        spectra[voice.name] = np.asarray(mean - mean.mean(), np.float32)
    return spectra


def distances(spectra: Mapping[str, FloatArray]) -> FloatArray:
    """Root mean square difference of each two spectra in dB: ``[n, n]``, in the mapping's order."""
    stacked = np.stack(list(spectra.values()))
    return np.asarray(np.sqrt(((stacked[:, None] - stacked[None]) ** 2).mean(-1)), np.float32)
