import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.codec.room import RoomStream, half_band_taps, room_response
from songbloom_x2.codec.voice_renderer import FLOOR, VoiceRenderer, VoiceStream, silent_bands
from songbloom_x2.train.corpus.render import render
from songbloom_x2.train.corpus.voice_params import VoiceFrames

CPU = torch.device("cpu")
RENDERER = VoiceRenderer(64, 40, CPU)


def bands(frames: int, harmonic: float | None = 30.0, noise: float | None = None) -> torch.Tensor:
    """Flat linear gains; none: silent."""
    rows = silent_bands(64, 40).repeat(frames, 1)
    if harmonic is not None:
        rows[:, :64] = math.log(harmonic + FLOOR)
    if noise is not None:
        rows[:, 64:] = 0.5 * math.log(noise**2 + FLOOR**2)
    return rows.unsqueeze(0)


def sung(frames: int, f0: float = 200.0, voicing: float = 1.0, **gains: float | None) -> torch.Tensor:
    return VoiceStream(RENDERER, 1).push(
        bands(frames, **gains), torch.full((1, frames), f0), torch.full((1, frames), voicing), last=True
    )[0]


def dry(frames: torch.Tensor, f0: torch.Tensor, voicing: torch.Tensor) -> np.ndarray:
    """The renderer without room, 24 kHz: ``[240 (T - 11)]``, from the centre of frame 5."""
    sound, _ = RENDERER.stretch(frames, f0, voicing, 0, torch.zeros(1, dtype=torch.float64))
    return sound[0].numpy()


def test_length_and_determinism() -> None:
    first, second = sung(37), sung(37)
    assert first.shape == (2, 37 * 480)
    assert torch.equal(first, second)


def test_a_harmonic_of_gain_one_has_amplitude_one_in_300() -> None:
    sound = dry(bands(111, harmonic=1.0), torch.full((1, 111), 250.0), torch.ones(1, 111))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) * 4 / len(sound)
    at = np.arange(1, 20) * 250 * len(sound) // 24000
    np.testing.assert_allclose(spectrum[at], 1 / 300, rtol=0.02)


def test_noise_of_gain_one_is_white_and_a_thirtieth_loud() -> None:
    sound = dry(bands(811, harmonic=None, noise=1.0), torch.full((1, 811), 250.0), torch.zeros(1, 811))
    assert sound.std() == pytest.approx(1 / 30, rel=0.03)
    power = np.abs(np.fft.rfft(sound)) ** 2
    thirds = [part.mean() for part in np.array_split(power[100:-100], 3)]
    np.testing.assert_allclose(np.array(thirds) / np.mean(thirds), 1, rtol=0.06)


def test_pitch_follows_f0_exactly_for_a_long_time() -> None:
    frames = 6000
    stream = VoiceStream(RENDERER, 1)
    sound = stream.push(bands(frames), torch.full((1, frames), 440.0), torch.ones(1, frames), last=True)[0, 0]
    tail = sound[-48000:].double().numpy()
    time = np.arange(len(sound))[-48000:] / 48000
    turning = tail * np.exp(-2j * np.pi * 440 * time)
    early, late = turning[:24000].mean(), turning[24000:].mean()
    assert abs(np.angle(late / early)) < 1e-3


def test_silence_is_nearly_silent() -> None:
    assert sung(60, voicing=0.0, harmonic=None).abs().max() < 2e-3


def test_agrees_with_the_reference_renderer_of_the_corpus() -> None:
    rng, frames = np.random.default_rng(0), 500
    wave = np.cumsum(rng.standard_normal((frames, 104)) * 0.1, axis=0)
    rows = np.concatenate([3.5 - np.arange(64) * 0.06, 0.2 - np.arange(40) * 0.02]) + wave - wave.mean(0)
    rows = rows.astype(np.float32)
    f0 = (180 + 60 * np.sin(np.arange(frames) / 90)).astype(np.float32)
    voiced = (np.arange(frames) // 90) % 3 != 2
    theirs = [render(VoiceFrames(rows, f0, voiced), np.random.default_rng(seed)) for seed in (1, 2)]
    ours = dry(*(torch.from_numpy(a)[None] for a in (rows, f0, voiced.astype(np.float32))))
    inner = [sound[5 * 240 + 120 :][: len(ours)] for sound in theirs]

    def levels(sound: np.ndarray) -> np.ndarray:
        window = torch.hann_window(1024)
        spectrum = torch.stft(torch.from_numpy(sound), 1024, 240, window=window, return_complex=True).abs()
        return 20 * torch.log10(spectrum + 1e-3).numpy()

    between, among = (np.abs(levels(inner[0]) - levels(other)).mean() for other in (ours, inner[1]))
    assert between < 1.05 * among
    assert ours.std() == pytest.approx(inner[0].std(), rel=0.03)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 90), max_size=8), seed=st.integers(0, 99))
def test_streamed_is_whole(cuts: list[int], seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    rows = bands(90, 20.0, 1.0) + 0.3 * torch.randn(1, 90, 104, generator=draw)
    f0 = 100 + 300 * torch.rand(1, 90, generator=draw)
    voicing = torch.rand(1, 90, generator=draw)
    whole = VoiceStream(RENDERER, 1).push(rows, f0, voicing, last=True)
    stream, edges = VoiceStream(RENDERER, 1), [0, *sorted(cuts), 90]
    parts = [stream.push(rows[:, low:high], f0[:, low:high], voicing[:, low:high]) for low, high in pairwise(edges)]
    parts.append(stream.push(rows[:, :0], f0[:, :0], voicing[:, :0], last=True))
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, atol=1e-4, rtol=0)


def test_an_empty_stream_gives_nothing() -> None:
    nothing = torch.zeros(1, 0)
    assert VoiceStream(RENDERER, 1).push(bands(0), nothing, nothing, last=True).shape == (1, 2, 0)


def test_the_room_keeps_the_direct_sound_and_fades() -> None:
    response = room_response()
    assert response.shape[1] < 0.6 * 24000
    energy = response.square()
    assert energy[:, 0].sum() / energy.sum() > 0.9
    assert response[:, -1].abs().max() < 1e-6


def test_up_sampling_keeps_a_tone_and_makes_no_image() -> None:
    assert half_band_taps().sum() == pytest.approx(1, abs=1e-5)
    time = torch.arange(24000) / 24000
    wet = RoomStream(1, CPU).push(torch.sin(2 * torch.pi * 10000 * time).unsqueeze(0), last=True)[0, 0]
    assert len(wet) == 48000
    spectrum = torch.fft.rfft(wet[24000:] * torch.hann_window(24000)).abs()
    image = spectrum[6500:7500].max()
    assert spectrum[5000] / image > 1e3
