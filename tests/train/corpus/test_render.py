from __future__ import annotations

import numpy as np
import pytest

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.render import SAMPLE_RATE, render
from songbloom_x2.train.corpus.voice_params import FLOOR, HARMONIC_BANDS, VoiceFrames


def _frames(count: int, f0: float, harmonic: float, noise: float) -> VoiceFrames:
    bands = np.empty((count, 104), np.float32)
    bands[:, :HARMONIC_BANDS] = np.log(harmonic + FLOOR)
    bands[:, HARMONIC_BANDS:] = 0.5 * np.log(noise**2 + FLOOR**2)
    return VoiceFrames(bands, np.full(count, f0, np.float32), np.full(count, f0 > 0))


def test_a_gain_of_one_is_a_sinusoid_of_one_three_hundredth() -> None:
    sound = render(_frames(200, 250.0, 30.0, 0.0), np.random.default_rng(0))
    middle = sound[12000:36000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(24000))) / 6000
    assert len(sound) == 200 * 240
    for order in (1, 2, 10, 40):
        assert spectrum[250 * order] == pytest.approx(0.1, rel=0.02)
    assert spectrum[375] < 1e-3
    assert spectrum[250 * 45] < 1e-2


def test_noise_has_the_level_that_the_formula_says() -> None:
    sound = render(_frames(400, 0.0, 0.0, 20.0), np.random.default_rng(1))
    inside = sound[2400:-2400]
    expected = 20.0 * np.sqrt(1.25) * np.sqrt(2 * 1200) / 1200 / np.sqrt(1.875)
    assert inside.std() == pytest.approx(expected, rel=0.03)


def test_louder_frames_sound_louder_by_as_much() -> None:
    frames = _frames(100, 180.0, 10.0, 3.0)
    louder = VoiceFrames(voice_params.scale(frames.bands, 2.0), frames.f0, frames.voiced)
    soft, loud = (render(made, np.random.default_rng(2)) for made in (frames, louder))
    assert loud == pytest.approx(2 * soft, abs=2e-3)


def test_silence_is_silent_and_rest_needs_no_voice() -> None:
    bands = voice_params.silence(100)
    still = VoiceFrames(bands, np.full(100, 200, np.float32), np.zeros(100, bool))
    assert np.abs(render(still, np.random.default_rng(3))).max() < 2e-4


def test_what_a_frame_says_happens_at_its_time() -> None:
    bands = voice_params.silence(200)
    bands[100:110, HARMONIC_BANDS:] = 4.0
    sound = render(VoiceFrames(bands, np.full(200, 100, np.float32), np.zeros(200, bool)), np.random.default_rng(4))
    power = sound**2
    centre = (power * np.arange(len(sound))).sum() / power.sum() / SAMPLE_RATE
    assert centre == pytest.approx(1.05, abs=0.01)
