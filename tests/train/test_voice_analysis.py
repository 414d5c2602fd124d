"""The way back from a rendered voice to its frames."""

from __future__ import annotations

import numpy as np

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.render import render
from songbloom_x2.train.corpus.voice_params import HARMONIC_BANDS, NOISE_BANDS, VoiceFrames, band_centres
from songbloom_x2.train.voice_analysis import analyse_voice
from songbloom_x2.types import Waveform


def test_what_was_rendered_is_found_again() -> None:
    frames = 300
    bands = voice_params.silence(frames)
    hertz = band_centres(HARMONIC_BANDS) * 20
    tilt = 3.0 - 0.9 * np.log2(hertz / 300) - 0.5 * ((hertz - 1800) / 900) ** 2 * (hertz < 3600)
    bands[:, :HARMONIC_BANDS] = np.maximum(tilt, -1)
    hiss = np.where(band_centres(NOISE_BANDS) * 20 > 3000, 1.0, -2.0)
    voiced = np.ones(frames, bool)
    voiced[130:170] = False
    bands[130:170, HARMONIC_BANDS:] = hiss
    f0 = (200 * 2 ** (np.sin(np.arange(frames) / 60) / 12)).astype(np.float32)
    sound = render(VoiceFrames(bands, f0, voiced), np.random.default_rng(0))
    found = analyse_voice(Waveform(sound[None], 24000))
    assert len(found.f0) == frames
    inner = np.r_[20:120, 185:280]
    assert found.voiced[inner].mean() > 0.95 and found.voiced[138:162].mean() < 0.2
    cents = 1200 * np.abs(np.log2(found.f0[inner] / f0[inner]))
    assert np.median(cents) < 20
    loud = bands[0, :HARMONIC_BANDS] > 0.5
    error = np.abs(found.bands[inner][:, :HARMONIC_BANDS] - bands[inner][:, :HARMONIC_BANDS])[:, loud]
    assert np.median(error) * 8.7 < 2.0
    noisy = np.abs(found.bands[140:160, HARMONIC_BANDS:] - bands[140:160, HARMONIC_BANDS:])[:, hiss > 0]
    assert np.median(noisy) * 8.7 < 3.0
