"""Tempo and key of sounds whose tempo and key are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo
from songbloom_x2.audio.resample import resample
from songbloom_x2.types import Waveform

RATE = 22050
Doubles = npt.NDArray[np.float64]

TIME = np.arange(RATE // 5) / RATE
CLICK = np.sin(2 * np.pi * 1000 * TIME) * np.exp(-TIME / 0.01)
KICK = np.sin(2 * np.pi * (60 * TIME + 1.6 * (1 - np.exp(-TIME / 0.02)))) * np.exp(-TIME / 0.08)
NOISE = np.random.default_rng(0).normal(size=len(TIME))
SNARE, HAT = NOISE * np.exp(-TIME / 0.07), np.diff(NOISE, append=0) * np.exp(-TIME / 0.02)


def hits(
    bpm: float, *voices: tuple[Doubles, float, float, float], seconds: float = 11, start: float = 0.13
) -> Waveform:
    """Each voice: its sound, its gain, its period and its first place in beats."""
    total = round(seconds * RATE)
    sound = np.zeros(total + RATE)
    for hit, gain, period, first in voices:
        for at in np.arange(start + first * 60 / bpm, seconds, period * 60 / bpm):
            place = round(at * RATE)
            sound[place : place + len(hit)] += gain * hit
    return Waveform((sound[None, :total] / 2).astype(np.float32), RATE)


@settings(max_examples=20, deadline=None)
@given(st.floats(61, 179), st.floats(0, 0.5))
def test_clicks_have_their_tempo(bpm: float, start: float) -> None:
    assert estimate_tempo(hits(bpm, (CLICK, 1, 1, 0), start=start)) == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("bpm", [72.5, 95, 120, 138])
def test_a_rock_beat_has_its_tempo(bpm: float) -> None:
    beat = hits(bpm, (KICK, 0.9, 2, 0), (SNARE, 0.5, 2, 1), (HAT, 0.2, 0.5, 0))
    assert estimate_tempo(beat) == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("bpm", [88, 124])
def test_four_on_the_floor_has_its_tempo(bpm: float) -> None:
    assert estimate_tempo(hits(bpm, (KICK, 0.9, 1, 0), (HAT, 0.3, 1, 0.5))) == pytest.approx(bpm, rel=0.02)


def test_rate_channels_and_level_do_not_matter() -> None:
    sound = hits(117, (CLICK, 1, 1, 0))
    stereo = Waveform(np.repeat(sound.samples, 2, axis=0) * np.float32(0.01), RATE)
    assert estimate_tempo(stereo) == pytest.approx(117, rel=0.02)
    assert estimate_tempo(resample(stereo, 48000)) == pytest.approx(117, rel=0.02)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(10 * RATE),
        np.sin(np.arange(10 * RATE) / 20),
        np.random.default_rng(1).normal(0, 0.1, 10 * RATE),
        hits(120, (CLICK, 1, 1, 0), seconds=2.5).samples[0],
    ],
    ids=["silence", "tone", "noise", "short"],
)
def test_without_a_pulse_there_is_no_tempo(samples: Doubles) -> None:
    assert estimate_tempo(Waveform(samples[None].astype(np.float32), RATE)) is None


def note(midi: float, seconds: float) -> Doubles:
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((midi - 69) / 12)
    rise = np.minimum(1, np.minimum(time, seconds - time) / 0.02)
    sound: Doubles = rise * sum(np.sin(2 * np.pi * pitch * over * time) / over for over in range(1, 6))
    return sound


def chords(root: int, *shapes: tuple[int, ...]) -> Waveform:
    sound = [sum(note(48 + root + step, 0.6) for step in shape) + note(36 + root + shape[0], 0.6) for shape in shapes]
    return Waveform((np.concatenate(sound) / 20)[None].astype(np.float32), RATE)


MAJOR = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
POP = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
MINOR = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))
NATURAL_MINOR = ((0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7))


@pytest.mark.parametrize("root", range(12))
@pytest.mark.parametrize(("minor", "shapes"), [(0, MAJOR), (0, POP), (1, MINOR), (1, NATURAL_MINOR)])
def test_cadences_have_their_key(root: int, minor: int, shapes: tuple[tuple[int, ...], ...]) -> None:
    assert estimate_key(chords(root, *shapes)) == 2 * root + minor


def test_a_short_or_faint_sound_still_has_a_key() -> None:
    short = Waveform(chords(9, (0, 4, 7)).samples[:, :5000] * np.float32(0.05), RATE)
    assert estimate_key(short) == 18


def test_silence_has_no_key() -> None:
    assert estimate_key(Waveform(np.zeros((2, RATE), np.float32), RATE)) is None
    assert estimate_key(Waveform(np.zeros((2, 10), np.float32), RATE)) is None


def test_the_same_sound_gives_the_same_answer() -> None:
    sound = chords(2, *MINOR)
    beat = hits(101, (KICK, 1, 1, 0), (HAT, 0.3, 0.5, 0))
    assert {(estimate_key(sound), estimate_tempo(beat)) for _ in range(3)} == {
        (estimate_key(sound), estimate_tempo(beat))
    }
