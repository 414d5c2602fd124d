"""Levels, the band's room, and the mixture."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.record import BAND_RATE, SongRecord
from songbloom_x2.train.corpus.render import SAMPLE_RATE as VOICE_RATE
from songbloom_x2.train.corpus.render import render
from songbloom_x2.train.corpus.voice_params import VoiceFrames
from songbloom_x2.types import FloatArray, Waveform

PEAK = 0.98
_GATE = 1e-3
_CREST = 4.2
_KNEE = 0.55


def room(seconds: float, rng: np.random.Generator, *, darkness: float = 0.6) -> FloatArray:
    """A stereo room's answer of about ``seconds`` (to -60 dB), ``[2, n]`` at 48 kHz, energy 1 a channel."""
    count = int(seconds * BAND_RATE * 0.8)
    decay = np.exp(-6.9 * np.arange(count) / (BAND_RATE * seconds))
    tail = rng.standard_normal((2, count)) * decay
    tail[:, : int(0.011 * BAND_RATE)] = 0
    tail = scipy.signal.lfilter([1 - darkness], [1, -darkness], tail, axis=1)
    return np.asarray(tail / np.sqrt((tail**2).sum(1, keepdims=True)), np.float32)


def reverberate(sound: FloatArray, answer: FloatArray, amount: float) -> FloatArray:
    """``sound [2, N]`` with the room's ``answer`` added; as long as before."""
    length = sound.shape[1]
    size = scipy.fft.next_fast_len(length + answer.shape[1], real=True)
    wet = scipy.fft.irfft(scipy.fft.rfft(sound, size, axis=1) * scipy.fft.rfft(answer, size, axis=1), size, axis=1)
    return np.asarray(sound + amount * wet[:, :length], np.float32)


def loudness(sound: FloatArray, rate: int) -> float:
    """Integrated loudness of ``sound [C, N]`` in LUFS (ITU-R BS.1770: K-weighting, both gates); -inf for silence."""
    weighted = _k_weighted(sound, rate)
    block, hop = int(0.4 * rate), int(0.1 * rate)
    energy = np.cumsum(np.pad((weighted**2).sum(0), (1, 0)), dtype=np.float64)
    starts = np.arange(0, max(sound.shape[1] - block, 0) + 1, hop)
    power = (energy[np.minimum(starts + block, sound.shape[1])] - energy[starts]) / block
    loud = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(loud):
        return float("-inf")
    kept = loud[loud > loud.mean() / 10]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def _k_weighted(sound: FloatArray, rate: int) -> FloatArray:
    """The two filters of BS.1770 from their analogue prototypes, for any rate."""
    shelf_k, shelf_q, gain = (
        np.tan(np.pi * 1681.974450955533 / rate),
        0.7071752369554196,
        10 ** (3.999843853973347 / 20),
    )
    bend = gain**0.4996667741545416
    norm = 1 + shelf_k / shelf_q + shelf_k**2
    shelf = [
        (gain + bend * shelf_k / shelf_q + shelf_k**2) / norm,
        2 * (shelf_k**2 - gain) / norm,
        (gain - bend * shelf_k / shelf_q + shelf_k**2) / norm,
    ]
    shelf_poles = [1, 2 * (shelf_k**2 - 1) / norm, (1 - shelf_k / shelf_q + shelf_k**2) / norm]
    pass_k, pass_q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + pass_k / pass_q + pass_k**2
    poles = [1, 2 * (pass_k**2 - 1) / norm, (1 - pass_k / pass_q + pass_k**2) / norm]
    sections = np.array([[*shelf, *shelf_poles], [1, -2, 1, *poles]])
    return np.asarray(scipy.signal.sosfilt(sections, sound, axis=1), np.float32)


def voice_wave(frames: VoiceFrames, seed: int) -> FloatArray:
    """The voice dry at 24 kHz, ``[N]``."""
    return render(frames, np.random.default_rng([seed, 6]))


def evened(frames: VoiceFrames, wave: FloatArray) -> VoiceFrames:
    """A compressor and a limiter on the voice frames: what is louder than most comes down by nearly half of the excess,
    and single frames that would stick out of the mixture come down to ``_CREST`` times the usual level.
    """
    hop = VOICE_RATE // int(voice_params.FRAME_RATE)
    count = len(frames.f0)
    power = (wave[: count * hop].reshape(count, hop) ** 2).mean(1)
    smooth = np.maximum(
        scipy.signal.lfilter([0.08], [1, -0.92], power), scipy.signal.lfilter([0.08], [1, -0.92], power[::-1])[::-1]
    )
    level = np.sqrt(smooth + 1e-10)
    sounding = level > _GATE
    if not sounding.any():
        return frames
    threshold = np.percentile(level[sounding], 60)
    gain = np.minimum(1.0, threshold / level) ** 0.45
    usual = np.sqrt((power * gain**2)[sounding].mean())
    peaks = np.abs(wave[: count * hop].reshape(count, hop)).max(1) * gain
    around = scipy.ndimage.maximum_filter1d(peaks, 5)
    limit = np.minimum(1.0, _CREST * usual / np.maximum(around, 1e-9))
    gain *= np.convolve(np.pad(limit, 2, mode="edge"), np.ones(5) / 5, "valid")
    return VoiceFrames(voice_params.scale(frames.bands, gain.astype(np.float32)), frames.f0, frames.voiced)


def soft_limited(sound: FloatArray) -> FloatArray:
    """``sound`` with what exceeds ``_KNEE`` bent towards 1, as a tape would."""
    over = np.abs(sound) > _KNEE
    bent = _KNEE + (1 - _KNEE) * np.tanh((np.abs(sound) - _KNEE) / (1 - _KNEE))
    return np.where(over, np.sign(sound) * bent, sound).astype(np.float32)


def upsampled(wave: FloatArray) -> FloatArray:
    """24 kHz ``[N]`` to 48 kHz ``[2 N]``."""
    return np.asarray(scipy.signal.resample_poly(wave, 2, 1), np.float32)


def mixture(song: SongRecord, *, voice_room: float = 0.12) -> Waveform:
    """Voice and band of a record with its stem kept, 48 kHz stereo; the voice in the middle, with a little room."""
    if song.band is None:
        raise ValueError(f"song {song.annotation.seed} was stored without its band stem")
    band: FloatArray = (song.band / 32767).astype(np.float32)
    voice = upsampled(voice_wave(song.voice, song.annotation.seed))[: band.shape[1]]
    stereo: FloatArray = np.zeros(band.shape, np.float32)
    stereo[:, : len(voice)] = voice
    rng = np.random.default_rng([song.annotation.seed, 7])
    mixed = band + reverberate(stereo, room(rng.uniform(0.5, 1.2), rng), voice_room)
    return Waveform(np.clip(mixed, -1, 1).astype(np.float32), BAND_RATE)
