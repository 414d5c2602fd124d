"""Log-mel of the band to stereo sound: ConvNeXt blocks at 100 Hz and one inverse STFT (Vocos, arXiv:2306.00814).

A network that sees only magnitudes and knows no absolute time can give a held tone only in multiples of the frame
rate. So besides free magnitude and phase it drives a bank of fixed oscillators, four a semitone, whose phases follow
the absolute frame: held notes come from there, attacks and noise from the rest. Nothing is remembered from frame to
frame, so a stretch with ``context`` frames on both sides gives exactly the whole's sound.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.codec.mel import HOP, SAMPLE_RATE, FloatArray, log_mel, mel_interpolation, mid_side_spectrum

LOWEST_TONE, HIGHEST_TONE, TONES_PER_SEMITONE = 28, 111, 4
"""The oscillators: MIDI notes and steps between them."""
DoubleArray = npt.NDArray[np.float64]
_LOBE = 3
MATCHING_PASSES = 2
GREATEST_CHANGE = 3.0
"""Of a bin in one matching pass, as a natural logarithm."""
_KERNEL = 7


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise two-layer network, added to its input: ``[B, T, D]``."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, _KERNEL, padding=_KERNEL // 2, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, hidden)
        self.down = nn.Linear(hidden, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, D]`` to the same."""
        mixed = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        change: Tensor = self.down(F.gelu(self.up(mixed), approximate="tanh"))
        return x + self.gamma * change


class BandDecoder(nn.Module):
    """Features ``[B, T, mid + side]`` (``mel.band_features``) to stereo ``[B, 2, 480 T]``."""

    def __init__(self, mid_mels: int, side_mels: int, dim: int, layers: int, n_fft: int = 2048) -> None:
        super().__init__()
        self.mels, self.n_fft, self.bins = (mid_mels, side_mels), n_fft, n_fft // 2 + 1
        window = -(-n_fft // (2 * HOP))
        self.context = _KERNEL // 2 * (layers + 1) + window + 1 + 2 * window * MATCHING_PASSES
        """Frames on each side that the sound of a frame depends on, at most (``render``)."""
        self.embed = nn.Conv1d(mid_mels + side_mels, dim, _KERNEL, padding=_KERNEL // 2)
        self.embed_norm = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList([ConvNeXtBlock(dim, 3 * dim) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.spectrum = nn.Linear(dim, 4 * self.bins)
        self.tonal = nn.Linear(dim, 2 * len(oscillator_frequencies()))
        self.shortcut = nn.Linear(mid_mels + side_mels, 2 * self.bins, bias=False)
        self.tonal_shortcut = nn.Linear(mid_mels + side_mels, self.tonal.out_features, bias=False)
        self._start_from_the_features()

    def _start_from_the_features(self) -> None:
        """Begin with the magnitudes that the bands themselves show, random phases, oscillators 13 dB below them."""
        places = oscillator_frequencies() * self.n_fft
        with torch.no_grad():
            for layer in (self.shortcut, self.tonal_shortcut):
                layer.weight.zero_()
                rows, column = layer.out_features // 2, 0
                for half, mels in enumerate(self.mels):
                    lines = mel_interpolation(mels, self.bins, SAMPLE_RATE / 2)
                    if layer is self.tonal_shortcut:
                        lines = np.stack([np.interp(places, np.arange(self.bins), line) for line in lines])
                    lines_here = torch.from_numpy(lines.T.astype(np.float32))
                    layer.weight[half * rows : (half + 1) * rows, column : column + mels] = lines_here
                    column += mels
            self.spectrum.weight[: 2 * self.bins].mul_(0.1)
            self.spectrum.bias[: 2 * self.bins].zero_()
            self.tonal.weight.mul_(0.3)
            self.tonal.bias.fill_(-1.5)

    def forward(self, features: Tensor, first: int = 0) -> Tensor:
        """Sound of ``features``; ``first`` is the absolute index of their first frame."""
        level, phase, tonal = self.drive(features)
        parts = torch.polar(torch.exp(level.clamp(max=7.0)), phase)
        parts = parts.reshape(*level.shape[:2], 2, self.bins)
        held = _oscillate(tonal, first, self.n_fft)
        parts = parts + F.pad(held, (0, self.bins - held.shape[-1]))
        mid, side = centred_inverse(parts, self.n_fft).unbind(1)
        return torch.stack([mid + side, mid - side], dim=1)

    def drive(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the network says: log-magnitudes and phases ``[B, T, 2 bins]``, log-amplitudes of the oscillators."""
        hidden = self.embed(((features + 1.0) / 2.5).transpose(1, 2)).transpose(1, 2)
        hidden = self.embed_norm(hidden)
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.norm(hidden)
        level, phase = self.spectrum(hidden).float().split(2 * self.bins, dim=-1)
        level = level + self.shortcut(features).float()
        tonal = self.tonal(hidden).float() + self.tonal_shortcut(features).float()
        return level, phase, tonal

    def render(self, features: Tensor, first: int = 0) -> Tensor:
        """As ``forward``, then led towards the features: each pass scales the spectrum where its bands are off.

        The network is trained without, so that it cannot leave its work to this step.
        """
        if not features.shape[1]:
            return features.new_zeros(len(features), 2, 0)
        sound: Tensor = self(features, first)
        mid_lines, side_lines = _lines(features.device, *self.mels, self.bins)
        for _ in range(MATCHING_PASSES):
            spectrum = mid_side_spectrum(sound, n_fft=self.n_fft)
            missing = (features - log_mel(spectrum.abs(), *self.mels)).clamp(-GREATEST_CHANGE, GREATEST_CHANGE)
            change = torch.stack(
                [missing[..., : self.mels[0]] @ mid_lines, missing[..., self.mels[0] :] @ side_lines], 1
            )
            mid, side = centred_inverse((spectrum * torch.exp(change)).transpose(1, 2), self.n_fft).unbind(1)
            sound = torch.stack([mid + side, mid - side], dim=1)
        return sound


def centred_inverse(spectrum: Tensor, n_fft: int) -> Tensor:
    """Inverse of ``mel``'s framing: spectra ``[B, T, 2, bins]``, phases from the frames' centres, to ``[B, 2, 480 T]``.

    Divided by the squared windows of a run of frames without end: the ends fade as if silence followed.
    """
    tables, count = _tables(spectrum.device, n_fft), spectrum.shape[1]
    frames = torch.fft.irfft(spectrum, n_fft).roll(n_fft // 2, dims=-1) * tables.window
    reach = -(-(n_fft - HOP) // (2 * HOP))
    steps = 2 * reach + 1
    before = reach * HOP + HOP // 2 - n_fft // 2
    blocks = F.pad(frames, (before, steps * HOP - before - n_fft, 0, 0, reach, reach))
    blocks = blocks.reshape(len(frames), count + 2 * reach, 2, steps, HOP).transpose(1, 2)
    sums = [blocks[:, :, 2 * reach - step : 2 * reach - step + count, step] for step in range(steps)]
    return (torch.stack(sums).sum(0) * tables.gain).flatten(2)


def _oscillate(level: Tensor, first: int, n_fft: int) -> Tensor:
    """Spectra of the oscillators from their log-amplitudes: ``[B, T, 2 G]`` to ``[B, T, 2, lowest bins]``."""
    tables = _tables(level.device, n_fft)
    centre = torch.arange(first, first + level.shape[1], device=level.device, dtype=torch.float64) * HOP + HOP / 2
    angle = (2 * math.pi * ((centre.unsqueeze(1) * tables.tones) % 1.0)).float().unsqueeze(1)
    amplitude = torch.exp(level.clamp(max=7.0)).reshape(*level.shape[:2], 2, -1)
    with torch.autocast(level.device.type, enabled=False):
        return torch.complex((amplitude * angle.cos()) @ tables.lobes, (amplitude * angle.sin()) @ tables.lobes)


def oscillator_frequencies() -> DoubleArray:
    """The oscillators' frequencies in cycles a sample: ``[G]``."""
    notes = np.arange((HIGHEST_TONE - LOWEST_TONE) * TONES_PER_SEMITONE + 1) / TONES_PER_SEMITONE + LOWEST_TONE
    return np.asarray(440 * 2 ** ((notes - 69) / 12) / SAMPLE_RATE)


def oscillator_lobes(tones: DoubleArray, n_fft: int) -> FloatArray:
    """What a cosine of amplitude ``2 / n_fft`` shows in the bins near it, Hann window: ``[G, lowest bins]``."""
    place = tones * n_fft
    distance = np.arange(int(place[-1]) + _LOBE + 2)[None] - place[:, None]
    lobe = 0.5 * np.sinc(distance) + 0.25 * (np.sinc(distance - 1) + np.sinc(distance + 1))
    return np.where(np.abs(distance) <= _LOBE, lobe, 0).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _lines(device: torch.device, mid_mels: int, side_mels: int, bins: int) -> tuple[Tensor, Tensor]:
    """From mel bands to bins, mid and side: ``[mels, bins]`` each."""
    with torch.inference_mode(False):
        mid, side = (torch.from_numpy(mel_interpolation(mels, bins, SAMPLE_RATE / 2)) for mels in (mid_mels, side_mels))
        return mid.to(device), side.to(device)


@dataclass(frozen=True)
class _Tables:
    window: Tensor
    gain: Tensor
    tones: Tensor
    lobes: Tensor


@functools.lru_cache(maxsize=4)
def _tables(device: torch.device, n_fft: int) -> _Tables:
    """Constants on one device. Not buffers: they must stay exact whatever type the weights are stored in."""
    tones = oscillator_frequencies()
    with torch.inference_mode(False):
        window = torch.hann_window(n_fft, dtype=torch.float64)
        place = (torch.arange(n_fft) + HOP // 2 - n_fft // 2) % HOP
        weight = torch.zeros(HOP, dtype=torch.float64).index_add_(0, place, window**2)
        return _Tables(
            window.float().to(device),
            (1 / weight).float().to(device),
            torch.from_numpy(tones).to(device),
            torch.from_numpy(oscillator_lobes(tones, n_fft)).to(device),
        )
