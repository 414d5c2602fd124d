"""Which style and which voice a sound is taken for: fixed features of it, and a linear classifier fitted on songs.

The features are means and spreads of log-mel levels, and of the band how fast which shapes of its spectrum come and go;
the classifier is linear discriminant analysis with a shrunken covariance. Both are deliberately plain: they measure,
they learn nothing from the model that is measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.types import FloatArray, Waveform

RATE = 22050
_SIZE, _HOP, _MELS = 1024, 512, 40
_SHAPES = 16
"""Cosine shapes of the spectrum, from its level on, whose motion is heard."""
_RATES = (0.3, 0.7, 1.1, 1.6, 2.2, 3.0, 4.0, 5.5, 7.5, 10.0, 14.0)
"""Borders in Hz between the bands of the modulation spectrum."""
STYLE_WIDTH, VOICE_WIDTH = 3 * _MELS + _SHAPES * (len(_RATES) - 1), 60
"""How many features a band and a voice have."""
SHRINKAGE = 0.2


def style_features(waveform: Waveform) -> FloatArray:
    """What a band sounds like: ``[280]``. Mean, spread and liveliness of 40 mel levels, and what moves how fast."""
    levels, _ = _levels(waveform)
    if len(levels) < 2:
        return np.zeros(STYLE_WIDTH, np.float32)
    mean = levels.mean(0)
    basis = np.cos(np.pi * np.arange(_SHAPES)[:, None] * (np.arange(_MELS) + 0.5) / _MELS) / np.sqrt(_MELS / 2)
    motion = _modulation((levels - mean) @ basis.T)
    found = np.concatenate([mean - mean.mean(), levels.std(0), np.diff(levels, axis=0).std(0), motion])
    return np.asarray(found, dtype=np.float32)


def voice_features(waveform: Waveform) -> FloatArray:
    """What a dry voice sounds like where it is loud: ``[60]``. Cepstral means and spreads, mean levels."""
    levels, power = _levels(waveform)
    loud = power > power.max(initial=0.0) * 10**-2.5
    if loud.sum() < 8:
        return np.zeros(VOICE_WIDTH, np.float32)
    chosen = levels[loud]
    order = np.arange(1, 21)[:, None]
    basis = np.cos(np.pi * order * (np.arange(_MELS) + 0.5) / _MELS) / np.sqrt(_MELS / 2)
    cepstra = chosen @ basis.T
    mean = chosen.mean(0)
    return np.asarray(np.concatenate([cepstra.mean(0), cepstra.std(0), (mean - mean.mean())[20:]]), dtype=np.float32)


def _levels(waveform: Waveform) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log-mel levels ``[T, 40]`` (natural log of power, floored 70 dB under the loudest) and power ``[T]``."""
    mono = resample(to_mono(waveform), RATE).samples[0]
    count = (len(mono) - _SIZE) // _HOP + 1
    if count < 1:
        return np.zeros((0, _MELS)), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _SIZE)[::_HOP]
    spectra = np.square(np.abs(np.fft.rfft(frames * np.hanning(_SIZE), axis=1)))
    power = spectra @ _filters().T
    floor = max(float(power.max()), 1e-9) * 1e-7
    return np.log(power + floor), spectra.sum(1)


def _filters() -> npt.NDArray[np.float64]:
    """Triangles of equal area on the mel scale: ``[40, bins]``."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    centres = 700 * (10 ** (np.linspace(0, top, _MELS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_SIZE, 1 / RATE)
    low, middle, high = centres[:-2, None], centres[1:-1, None], centres[2:, None]
    weights = np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    return np.asarray(weights / np.maximum(weights.sum(1, keepdims=True), 1e-9))


def _modulation(shapes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of each shape's power in bands of modulation frequency, log: ``[T, K]`` -> ``[10 K]``."""
    spectrum = np.square(np.abs(np.fft.rfft(shapes * np.hanning(len(shapes))[:, None], axis=0)))
    hertz = np.fft.rfftfreq(len(shapes), _HOP / RATE)
    bands = [spectrum[(hertz >= low) & (hertz < high)].sum(0) for low, high in itertools.pairwise(_RATES)]
    return np.asarray(np.log(np.stack(bands) / (spectrum.sum(0) + 1e-9) + 1e-3)).ravel()


@dataclass(frozen=True)
class Recogniser:
    """A linear classifier: ``names`` of the classes, ``weights [F, C]`` and ``bias [C]`` on ``(x - mean) / scale``."""

    names: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray

    def scores(self, features: FloatArray) -> FloatArray:
        """Log-likelihoods but for a constant, ``[F]`` -> ``[C]``."""
        return np.asarray((features - self.mean) / self.scale @ self.weights + self.bias, dtype=np.float32)

    def __call__(self, features: FloatArray) -> str:
        """The likeliest class."""
        return self.names[int(np.argmax(self.scores(features)))]


def fit_recogniser(features: FloatArray, labels: Sequence[str]) -> Recogniser:
    """Linear discriminant analysis of ``features [N, F]`` with one label each.

    Raises ``ValueError`` for fewer than two classes.
    """
    names = tuple(sorted(set(labels)))
    if len(names) < 2:
        raise ValueError("a recogniser needs songs of at least two kinds")
    mean, scale = features.mean(0), features.std(0) + 1e-6
    rows = ((features - mean) / scale).astype(np.float64)
    index = np.array([names.index(label) for label in labels])
    centres = np.stack([rows[index == number].mean(0) for number in range(len(names))])
    within = rows - centres[index]
    covariance = within.T @ within / len(rows)
    size = np.trace(covariance) / len(covariance)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * size * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, centres.T)
    bias = -0.5 * (centres * weights.T).sum(1)
    return Recogniser(
        names, mean.astype(np.float32), scale.astype(np.float32), weights.astype(np.float32), bias.astype(np.float32)
    )


def similarity(first: FloatArray, second: FloatArray, recogniser: Recogniser) -> float:
    """How alike two sounds are, from -1 to 1: cosine of their features in units of their spread over songs."""
    a, b = (first - recogniser.mean) / recogniser.scale, (second - recogniser.mean) / recogniser.scale
    return float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-9))
