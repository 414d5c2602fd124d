"""What the recogniser hears of a sound: log-mel levels every 10 ms, and log levels of semitone halves every 40 ms."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.codec.mel import mel_filterbank
from songbloom_x2.config import FRAME_RATE

RATE = 24000
MELS = 64
LOWEST_NOTE, HIGHEST_NOTE, BINS_A_NOTE = 33, 93, 2
TONES = (HIGHEST_NOTE - LOWEST_NOTE) * BINS_A_NOTE
SUB_FRAMES = 4
SIZE = MELS * SUB_FRAMES + TONES
"""Width of a feature row."""
_FRAME = RATE // FRAME_RATE
_MEL_FFT, _TONE_FFT = 1024, 4096
_FLOOR = 1e-3


@functools.lru_cache(maxsize=1)
def _mel_filters() -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(mel_filterbank(MELS, _MEL_FFT // 2 + 1, RATE / 2)).T.contiguous()


@functools.lru_cache(maxsize=1)
def _tone_filters() -> Tensor:
    """Triangles on the scale of notes, at least one bin wide: ``[bins, TONES]``."""
    hertz = np.arange(_TONE_FFT // 2 + 1) * RATE / _TONE_FFT
    notes = LOWEST_NOTE + np.arange(TONES) / BINS_A_NOTE
    centres = 440 * 2 ** ((notes - 69) / 12)
    widths = np.maximum(centres * (2 ** (1 / (12 * BINS_A_NOTE)) - 1), RATE / _TONE_FFT)
    weights = np.maximum(0, 1 - np.abs(hertz[:, None] - centres) / widths)
    with torch.inference_mode(False):
        return torch.from_numpy((weights / np.maximum(weights.sum(0), 1e-9)).astype(np.float32))


def _magnitudes(samples: Tensor, size: int, hop: int, count: int) -> Tensor:
    """Spectra of ``count`` frames centred in their hop: ``[count, size / 2 + 1]``; a full-scale sine has about 1."""
    left = (size - hop) // 2
    padded = F.pad(samples, (left, max(0, (count - 1) * hop + size - left - len(samples))))
    frames = padded.unfold(0, size, hop)[:count]
    window = torch.hann_window(size, device=samples.device)
    spectra: Tensor = torch.fft.rfft(frames * window).abs() * (2 / window.sum())
    return spectra


def features(samples: Tensor) -> Tensor:
    """Mono ``samples [N]`` at 24 kHz -> ``[T, SIZE]``, one row a sketch frame (``T = ceil(N / 960)``).

    Levels are natural logs, relative to the sound's own level, so that loudness does not matter.
    """
    count = math.ceil(len(samples) / _FRAME)
    if not count:
        return samples.new_zeros(0, SIZE)
    samples = F.pad(samples, (0, count * _FRAME - len(samples)))
    samples = samples * (0.1 / samples.square().mean().sqrt().clamp(min=1e-4))
    mel = _magnitudes(samples, _MEL_FFT, _FRAME // SUB_FRAMES, count * SUB_FRAMES) @ _mel_filters().to(samples.device)
    tones = _magnitudes(samples, _TONE_FFT, _FRAME, count) @ _tone_filters().to(samples.device)
    rows = torch.cat([mel.view(count, -1), tones], 1)
    return (torch.log(rows + _FLOOR) + 4) / 2
