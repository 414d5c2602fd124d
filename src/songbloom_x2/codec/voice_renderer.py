"""The source-filter voice: bands, F0 and voicing every 10 ms to sound. Nothing in it is learned.

Harmonics come from a band-limited pulse train, noise from a fixed table; both are shaped in the short-time spectrum
by gains that the bands give. The definition is that of the corpus (``train.corpus.render``), which this agrees with:
frame ``n`` is centred on sample ``240 n + 120`` of 24 kHz; a harmonic gain of 1 is a sinusoid of amplitude 1/300.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.codec.mel import mel_interpolation
from songbloom_x2.codec.room import RoomStream

RATE = 24000
HOP = 240
N_FFT = 1200
BINS = N_FFT // 2 + 1
FLOOR = 0.05
"""Linear gain that was added before the logarithm of a band."""
REST = -1.0
"""Harmonic bands of a voice that does not sound."""
REST_FRAMES = 10.0
"""Frames in which the harmonic bands fall towards ``REST`` by a factor e after the last voiced one."""
HIGHEST_HARMONIC = 11000.0
BEFORE, AFTER = 5, 6
"""Frames of context that a 10 ms block of sound needs, besides its own."""
_SPAN = N_FFT // HOP + 1
NOISE_FRAMES = 1009
NOISE_GAIN = math.sqrt(1.25)
WINDOW_POWER = 1.875


def silent_bands(harmonic: int, noise: int) -> Tensor:
    """Bands of silence: ``[harmonic + noise]``."""
    return torch.cat([torch.full((harmonic,), REST), torch.full((noise,), math.log(FLOOR))])


def noise_table() -> Tensor:
    """Complex Gaussian spectra, unit variance a part: ``[1009, 601]``. Frame ``n`` takes row ``n mod 1009``."""
    rng = np.random.Generator(np.random.Philox(48000))
    parts = rng.standard_normal((NOISE_FRAMES, BINS, 2), dtype=np.float32)
    return torch.view_as_complex(torch.from_numpy(parts))


class VoiceRenderer:
    """The constants of the voice on one device, and the rendering of a stretch of frames."""

    def __init__(self, harmonic_bands: int, noise_bands: int, device: torch.device) -> None:
        self.harmonic_bands = harmonic_bands
        self.device = device
        with torch.inference_mode(False):
            self._harmonic, self._noise = (
                torch.from_numpy(mel_interpolation(bands, BINS, RATE / 2)).to(device)
                for bands in (harmonic_bands, noise_bands)
            )
            self._table = noise_table().to(device)
            self._window = torch.hann_window(N_FFT, device=device)

    def stretch(self, bands: Tensor, f0: Tensor, voicing: Tensor, first: int, phase: Tensor) -> tuple[Tensor, Tensor]:
        """Dry sound of the inner frames of a stretch.

        ``bands [B, n + 11, 104]``, ``f0 [B, n + 11]`` in Hz (never 0), ``voicing [B, n + 11]`` from 0 to 1; the first
        5 and last 6 frames are context. ``first`` is the absolute index of the first frame, ``phase [B]`` (float64,
        in cycles) what the pulse train had reached there. Gives ``[B, 240 n]`` at 24 kHz, from the centre of the first
        inner frame to that of the first frame after, and the phase at every frame, ``[B, n + 11]``.
        """
        count = f0.shape[1] - BEFORE - AFTER
        source, phases = pulses(f0, voicing, phase)
        offset = BEFORE * HOP - 2 * HOP - N_FFT // 2
        frames = source[:, offset:].unfold(1, N_FFT, HOP)
        inner = bands[:, BEFORE - 2 : BEFORE + count + 3]
        harmonic = (torch.exp(inner[..., : self.harmonic_bands] @ self._harmonic) - FLOOR).clamp(min=1e-4)
        power = torch.exp(2 * (inner[..., self.harmonic_bands :] @ self._noise)) - FLOOR**2
        rows = torch.arange(first + BEFORE - 2, first + BEFORE + count + 3, device=f0.device) % NOISE_FRAMES
        spectrum = torch.fft.rfft(frames * (self._window / 300)) * harmonic
        spectrum = spectrum + self._table[rows] * (power.clamp(min=1e-6).sqrt() * NOISE_GAIN)
        shaped = torch.fft.irfft(spectrum, N_FFT) * (self._window / WINDOW_POWER)
        total = shaped.shape[1]
        blocks = F.pad(shaped, (HOP // 2, HOP // 2)).view(len(shaped), total, _SPAN, HOP)
        parts = [blocks[:, BEFORE - step : total - step, step] for step in range(_SPAN)]
        return torch.stack(parts).sum(0).flatten(1), phases


def pulses(f0: Tensor, voicing: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
    """Band-limited pulses between the frames, every harmonic of unit amplitude: ``[B, (F - 1) 240]``; frame phases.

    ``sum_{h=1..H} cos(h t) = sin((H + 1/2) t) / (2 sin(t / 2)) - 1/2``, as many harmonics as fit below 11 kHz. The
    phase is summed frame by frame in float64, so that it stays exact over hours.
    """
    step = torch.arange(HOP, device=f0.device)
    start, rise = f0[:, :-1], f0.diff(dim=1)
    travelled = (HOP * start.double() + rise.double() * (HOP - 1) / 2) / RATE
    phases = torch.cat([phase.unsqueeze(1), travelled], dim=1).cumsum(1) % 1.0
    hertz = start.unsqueeze(2) + rise.unsqueeze(2) * (step / HOP)
    inside = ((step + 1) * start.unsqueeze(2) + rise.unsqueeze(2) * (step * (step + 1) / (2 * HOP))) / RATE
    cycles = phases[:, :-1].float().unsqueeze(2) + inside
    angle = 2 * math.pi * (cycles - cycles.round())
    order = (HIGHEST_HARMONIC / hertz).floor() + 0.5
    half = 2 * torch.sin(angle / 2)
    flat = half.abs() <= 1e-3
    train = torch.where(flat, order, torch.sin(order * angle) / torch.where(flat, 1.0, half)) - 0.5
    gate = voicing[:, :-1].unsqueeze(2) + voicing.diff(dim=1).unsqueeze(2) * (step / HOP)
    return (train * gate).flatten(1), phases


class VoiceStream:
    """Renders frames that arrive bit by bit, room and 48 kHz included."""

    def __init__(self, renderer: VoiceRenderer, batch: int) -> None:
        self._renderer = renderer
        self._room = RoomStream(batch, renderer.device)
        self._frames: Tensor | None = None
        self._first = -BEFORE - 1
        self._cut = HOP // 2
        self._phase = torch.zeros(batch, dtype=torch.float64, device=renderer.device)

    def push(self, bands: Tensor, f0: Tensor, voicing: Tensor, last: bool = False) -> Tensor:
        """Take ``t`` frames (``bands [B, t, 104]``, ``f0`` in Hz and ``voicing`` 0 to 1, ``[B, t]``).

        Gives ``[B, 2, n]`` at 48 kHz, whatever became certain; with ``last`` all the rest, so that 480 samples a
        frame have come in all.
        """
        frames = torch.cat([bands, f0.unsqueeze(2), voicing.unsqueeze(2)], dim=2)
        if self._frames is not None:
            frames = torch.cat([self._frames, frames], dim=1)
        elif frames.shape[1]:
            frames = torch.cat([frames[:, :1].expand(-1, BEFORE + 1, -1), frames], dim=1)
        if last and frames.shape[1]:
            frames = torch.cat([frames, frames[:, -1:].expand(-1, AFTER, -1)], dim=1)
        self._frames = frames if frames.shape[1] else None
        parts = []
        while (count := min(frames.shape[1] - BEFORE - AFTER, 3000)) > 0:
            stretch = frames[:, : count + BEFORE + AFTER]
            sound, phases = self._renderer.stretch(
                stretch[..., :-2], stretch[..., -2], stretch[..., -1], self._first, self._phase
            )
            parts.append(sound[:, self._cut :])
            self._cut = 0
            self._phase, self._first = phases[:, count], self._first + count
            frames = frames[:, count:]
            self._frames = frames
        dry = torch.cat(parts, dim=1) if parts else bands.new_zeros(len(bands), 0)
        return self._room.push(dry[:, : dry.shape[1] - HOP // 2] if last else dry, last)
