"""Which stretch stands for a style, and what is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from songbloom_x2.audio.window import choose_window, noisiness
from songbloom_x2.errors import StyleError
from songbloom_x2.types import Waveform

RATE = 16000
Doubles = npt.NDArray[np.float64]


def seconds(count: float) -> Doubles:
    return np.arange(round(count * RATE)) / RATE


def chord(length: float, level: float = 0.3) -> Doubles:
    time = seconds(length)
    tones = [np.sin(2 * np.pi * pitch * over * time) / over for pitch in (220, 277, 330) for over in range(1, 6)]
    sound: Doubles = level / 3 * np.sum(tones, axis=0)
    return sound


def noise(length: float, colour: float = 0.0, seed: int = 0) -> Doubles:
    """Noise whose power falls with frequency to the ``colour``."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=round(length * RATE)))
    frequencies = np.maximum(np.fft.rfftfreq(round(length * RATE), 1 / RATE), 20)
    sound = np.fft.irfft(spectrum * frequencies ** (-colour / 2))
    scaled: Doubles = 0.1 * sound / sound.std()
    return scaled


def drums(length: float) -> Doubles:
    time = seconds(length)
    return noise(length) * np.exp(-(time % 0.25) / 0.04) * 3


def wave(*parts: Doubles) -> Waveform:
    return Waveform(np.repeat(np.concatenate(parts)[None].astype(np.float32), 2, axis=0), RATE)


def test_the_loud_part_is_taken() -> None:
    window = choose_window(wave(chord(6, 0.02), chord(5, 0.5), chord(6, 0.05)), 4)
    assert 6 <= window.start <= 7
    assert window.waveform.seconds == 4


def test_of_equally_loud_parts_the_steady_one_is_taken() -> None:
    swell = 1 + 0.9 * np.sin(2 * np.pi * 0.7 * seconds(5))
    unsteady = chord(5) * swell / np.sqrt(np.mean(swell**2))
    window = choose_window(wave(unsteady, chord(5)), 4)
    assert 5 <= window.start <= 6


def test_of_equal_parts_the_first_is_taken() -> None:
    assert choose_window(wave(chord(8)), 3).start < 0.3


def test_a_given_start_rules() -> None:
    recording = wave(chord(6, 0.02), chord(5, 0.5))
    window = choose_window(recording, 4, start=1.5)
    assert window.start == 1.5
    np.testing.assert_array_equal(window.waveform.samples, recording.samples[:, 24000:88000])


def test_a_late_start_gives_what_is_left() -> None:
    assert choose_window(wave(chord(6)), 4, start=4.5).waveform.seconds == 1.5


@pytest.mark.parametrize("length", [1.0, 3.0, 4.0])
def test_a_short_recording_is_taken_whole(length: float) -> None:
    window = choose_window(wave(chord(length)), 4)
    assert (window.start, window.waveform.seconds) == (0, length)


def test_the_window_never_leaves_the_recording() -> None:
    for length in (4.01, 4.09, 4.95, 7.77):
        window = choose_window(wave(chord(length - 1, 0.05), chord(1, 0.5)), 4)
        assert window.waveform.seconds == 4


@pytest.mark.parametrize(
    ("recording", "start", "reason"),
    [
        (wave(chord(0.9)), None, "lasts 0.90 s; at least 1 s"),
        (wave(chord(0.0)), None, "lasts 0.00 s"),
        (wave(chord(5)), 4.5, "cannot start at 4.5 s of 5.0 s; take a start from 0 to 4.0"),
        (wave(chord(5)), -1, "cannot start at -1 s"),
        (wave(0 * chord(5)), None, "silent"),
        (wave(chord(5, 1e-4)), None, "silent"),
        (wave(chord(5), 0 * chord(5)), 6.0, "silent"),
        (wave(noise(5)), None, "noise"),
        (wave(noise(1.2)), None, "noise"),
        (wave(chord(5), noise(5)), 5.5, "noise"),
    ],
)
def test_what_has_no_style_is_refused(recording: Waveform, start: float | None, reason: str) -> None:
    with pytest.raises(StyleError, match=reason) as caught:
        choose_window(recording, 4, start=start)
    assert "\n" not in str(caught.value)


def test_a_window_has_at_least_a_second() -> None:
    with pytest.raises(StyleError, match="too short"):
        choose_window(wave(chord(5)), 0.5)


@pytest.mark.parametrize("colour", [-1.0, 0.0, 1.0, 2.0])
def test_noise_of_any_colour_is_refused(colour: float) -> None:
    with pytest.raises(StyleError, match="noise"):
        choose_window(wave(noise(6, colour)), 5)


@pytest.mark.parametrize("distortion", [0.1, 30.0])
def test_music_is_not_taken_for_noise(distortion: float) -> None:
    for sound in (chord(5), drums(5), chord(5) + drums(5), chord(5) + noise(5)):
        distorted = np.tanh(distortion * sound)
        assert choose_window(wave(0.5 * distorted / np.abs(distorted).max()), 4)


def test_noisiness_is_a_scale() -> None:
    scale = [noisiness(wave(chord(4) + share * noise(4))) for share in (0, 0.3, 1, 3, 30)]
    assert scale == sorted(scale)
    assert scale[0] < 0.1 and scale[-1] > 0.95


def test_sides_that_cancel_are_not_noise() -> None:
    left = chord(3).astype(np.float32)
    assert noisiness(Waveform(np.stack([left, -left]), RATE)) == 0
