from __future__ import annotations

import numpy as np
import pytest

from songbloom_x2.evaluate.recognition import (
    fit_recogniser,
    similarity,
    style_features,
    voice_features,
)
from songbloom_x2.types import Waveform

RATE = 22050


def band(kind: str, seed: int) -> Waveform:
    """Four seconds: hits of bright noise four times a second, or slow low swells."""
    rng = np.random.default_rng(seed)
    time = np.arange(4 * RATE) / RATE
    phase = rng.uniform(0, 1)
    if kind == "hits":
        sound = rng.normal(0, 0.2, len(time)) * np.exp(-12 * ((time * 4 + phase) % 1))
    else:
        tone = np.sin(2 * np.pi * rng.uniform(100, 200) * time) + 0.5 * np.sin(2 * np.pi * rng.uniform(200, 400) * time)
        sound = 0.3 * tone * (1 + np.sin(2 * np.pi * (0.7 * time + phase))) + rng.normal(0, 1e-3, len(time))
    return Waveform((sound * rng.uniform(0.3, 1))[None].astype(np.float32), RATE)


def voice(formant: float, pitch: float, seed: int) -> Waveform:
    """Three seconds of harmonics under one resonance."""
    rng = np.random.default_rng(seed)
    time = np.arange(3 * RATE) / RATE
    harmonics = np.arange(1, 40) * pitch
    gains = np.exp(-0.5 * ((harmonics - formant) / 300) ** 2) + 0.02
    sound = (gains[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time + rng.uniform(0, 6, (39, 1)))).sum(0)
    return Waveform((0.05 * sound)[None].astype(np.float32), RATE)


def test_styles_are_told_apart_and_loudness_does_not_matter() -> None:
    kinds = ["hits", "swells"] * 8
    rows = np.stack([style_features(band(kind, seed)) for seed, kind in enumerate(kinds)])
    recogniser = fit_recogniser(rows, kinds)
    assert [recogniser(style_features(band(kind, seed))) for seed, kind in enumerate(kinds, 100)] == kinds
    quiet = band("hits", 5)
    louder = Waveform(quiet.samples * np.float32(2), RATE)
    np.testing.assert_allclose(style_features(quiet), style_features(louder), atol=0.1)
    same, other = style_features(band("hits", 200)), style_features(band("swells", 201))
    assert similarity(rows[0], same, recogniser) > 0.5 > similarity(rows[0], other, recogniser)


def test_voices_are_told_apart_by_timbre_not_by_pitch() -> None:
    rng = np.random.default_rng(0)
    labels = ["dark", "bright"] * 10
    formants = {"dark": 700.0, "bright": 1500.0}

    def row(label: str, seed: int) -> np.ndarray:
        return voice_features(voice(formants[label] * rng.uniform(0.95, 1.05), rng.uniform(120, 260), seed))

    recogniser = fit_recogniser(np.stack([row(label, seed) for seed, label in enumerate(labels)]), labels)
    assert [recogniser(row(label, seed)) for seed, label in enumerate(labels, 50)] == labels


def test_nothing_is_no_voice_and_one_kind_is_no_choice() -> None:
    assert not voice_features(Waveform(np.zeros((1, RATE), np.float32), RATE)).any()
    assert not style_features(Waveform(np.zeros((1, 10), np.float32), RATE)).any()
    with pytest.raises(ValueError, match="two kinds"):
        fit_recogniser(np.zeros((2, 3), np.float32), ["a", "a"])
