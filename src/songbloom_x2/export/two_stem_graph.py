"""The embedded codec in real arithmetic: windows of latents to sound, sound to latents (``codec.two_stem``).

The same network and the same signal chain; only transforms, framing and complex numbers are written so that they can
be exported. Nothing is carried from window to window but the voice's phase: whoever runs the graph gives each window
``left`` and ``right`` frames of context and cuts them away.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.codec import mel, voice_renderer
from songbloom_x2.codec.band_decoder import (
    GREATEST_CHANGE,
    MATCHING_PASSES,
    BandDecoder,
    oscillator_frequencies,
    oscillator_lobes,
)
from songbloom_x2.codec.room import HALF_TAPS, ROOM_SECONDS, half_band_taps, room_response
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.codec.voice_renderer import AFTER, BEFORE, N_FFT, NOISE_FRAMES, NOISE_GAIN, RATE, WINDOW_POWER, pulses
from songbloom_x2.codec.voice_renderer import FLOOR as VOICE_FLOOR
from songbloom_x2.export.framing import framed, split
from songbloom_x2.export.real_fft import RealFft

_PAD = BEFORE + 1


def decoder_context(codec: TwoStemCodec) -> tuple[int, int]:
    """Latent frames before and behind a window that its sound depends on, at most."""
    per_frame = codec.config.sub_frames
    room = math.ceil(ROOM_SECONDS * RATE / voice_renderer.HOP)
    voice = -(-(room + BEFORE + 3) // per_frame)
    behind = -(-(AFTER + 3) // per_frame)
    return max(voice, codec.context), max(behind, codec.context)


class TwoStemDecode(nn.Module):
    """A window of latents to sound."""

    def __init__(self, codec: TwoStemCodec) -> None:
        super().__init__()
        self.codec = codec
        self.voice = VoiceGraph(codec)
        self.band = BandGraph(codec.band_decoder)

    def forward(self, latents: Tensor, first: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        """``latents [B, D, T]`` from frame ``first`` (int64 ``[1]``) of the song on.

        ``phase [B]`` (float64, in cycles) is the voice's at the window's beginning; any number where ``first`` is 0.
        Gives sound ``[B, 2, 1920 T]`` and the phase at each 10 ms frame, ``[B, 4 T]``.
        """
        bands, f0, voicing = self.codec.voice_frames_of(latents)
        frame = first * self.codec.config.sub_frames
        voice, phases = self.voice(bands, f0, voicing, frame, phase)
        return voice * self.codec.voice_gain + self.band(self.codec.band_features_of(latents), frame), phases


class TwoStemEncode(nn.Module):
    """A foreign mixture to latents: all of it in the band slot, the voice slot silent."""

    silence: Tensor

    def __init__(self, codec: TwoStemCodec) -> None:
        super().__init__()
        self.codec = codec
        self.spectrum = MidSideSpectrum(codec.config.n_fft, codec.config.mid_mels, codec.config.side_mels)
        self.register_buffer("silence", codec.silent_voice(1, 1), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Audio ``[B, 2, N]``, ``N`` a multiple of 1920, to latents ``[B, D, N / 1920]``."""
        real, imaginary = self.spectrum(audio)
        size = torch.sqrt(real.square() + imaginary.square() + 1e-12)
        band = self.codec.band_whitening.encode(_stacked(self.spectrum.log_mel(size), self.codec.config.sub_frames))
        band = band.transpose(1, 2)
        return torch.cat([self.silence.expand(band.shape[0], -1, band.shape[2]), band], dim=1)


class MidSideSpectrum(nn.Module):
    """``mel.mid_side_spectrum`` in two real parts, and ``mel.log_mel`` of its size."""

    window: Tensor
    centre: Tensor
    mid: Tensor
    side: Tensor

    def __init__(self, n_fft: int, mid_mels: int, side_mels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.fft = RealFft(n_fft)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("centre", 1.0 - 2.0 * (torch.arange(n_fft // 2 + 1) % 2), persistent=False)
        for name, bands in (("mid", mid_mels), ("side", side_mels)):
            filters = mel.mel_filterbank(bands, n_fft // 2 + 1, mel.SAMPLE_RATE / 2)
            self.register_buffer(name, torch.from_numpy(filters.T.copy()), persistent=False)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, 2, N]`` -> ``[B, 2, N / 480, bins]`` twice."""
        margin = mel.feature_margin(self.n_fft)
        left, right = F.pad(audio, (margin, margin)).unbind(1)
        signals = torch.stack([(left + right) / 2, (left - right) / 2], dim=1)
        real, imaginary = self.fft(framed(signals, self.n_fft, mel.HOP) * self.window)
        return real * self.centre, imaginary * self.centre

    def log_mel(self, size: Tensor) -> Tensor:
        """Magnitudes ``[B, 2, T, bins]`` to log-mel ``[B, T, mid + side]``."""
        return torch.log(torch.cat([size[:, 0] @ self.mid, size[:, 1] @ self.side], dim=-1) + mel.FLOOR)


class BandGraph(nn.Module):
    """``BandDecoder.render`` in real arithmetic."""

    window: Tensor
    gain: Tensor
    tones: Tensor
    lobes: Tensor
    mid_lines: Tensor
    side_lines: Tensor

    def __init__(self, decoder: BandDecoder) -> None:
        super().__init__()
        self.decoder, n_fft = decoder, decoder.n_fft
        self.fft = RealFft(n_fft)
        self.spectrum = MidSideSpectrum(n_fft, *decoder.mels)
        window = torch.hann_window(n_fft, dtype=torch.float64)
        place = (torch.arange(n_fft) + mel.HOP // 2 - n_fft // 2) % mel.HOP
        weight = torch.zeros(mel.HOP, dtype=torch.float64).index_add_(0, place, window**2)
        tones = oscillator_frequencies()
        lines = (torch.from_numpy(mel.mel_interpolation(m, decoder.bins, mel.SAMPLE_RATE / 2)) for m in decoder.mels)
        constants = {
            "window": window.float(),
            "gain": (1 / weight).float(),
            "tones": torch.from_numpy(tones),
            "lobes": torch.from_numpy(oscillator_lobes(tones, n_fft)),
            **dict(zip(("mid_lines", "side_lines"), lines, strict=True)),
        }
        for name, tensor in constants.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, features: Tensor, first: Tensor) -> Tensor:
        """Features ``[B, t, mid + side]`` from frame ``first`` (int64 ``[1]``) on to stereo ``[B, 2, 480 t]``."""
        sound = self.inverse(*self.network(features, first))
        mels = self.decoder.mels
        for _ in range(MATCHING_PASSES):
            real, imaginary = self.spectrum(sound)
            heard = self.spectrum.log_mel(torch.sqrt(real.square() + imaginary.square()))
            missing = (features - heard).clamp(-GREATEST_CHANGE, GREATEST_CHANGE)
            change = torch.stack(
                [missing[..., : mels[0]] @ self.mid_lines, missing[..., mels[0] :] @ self.side_lines], 1
            )
            change = torch.exp(change)
            sound = self.inverse(*((part * change).transpose(1, 2) for part in (real, imaginary)))
        return sound

    def network(self, features: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra of mid and side, ``[B, t, 2, bins]`` twice."""
        decoder, bins = self.decoder, self.decoder.bins
        level, angle, tonal = decoder.drive(features)
        size = torch.exp(level.clamp(max=7.0))
        centre = (torch.arange(features.shape[1], device=features.device) + first).double() * mel.HOP + mel.HOP / 2
        cycles = centre.unsqueeze(1) * self.tones
        turn = (2 * math.pi * (cycles - cycles.floor())).float().unsqueeze(1)
        amplitude = split(torch.exp(tonal.clamp(max=7.0)), -1, (2, -1))
        missing = (0, bins - self.lobes.shape[1])
        return (
            split(size * angle.cos(), -1, (2, -1)) + F.pad((amplitude * turn.cos()) @ self.lobes, missing),
            split(size * angle.sin(), -1, (2, -1)) + F.pad((amplitude * turn.sin()) @ self.lobes, missing),
        )

    def inverse(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """``band_decoder.centred_inverse``, then left and right."""
        n_fft, hop, count = self.decoder.n_fft, mel.HOP, real.shape[1]
        frames = self.fft.inverse(real, imaginary)
        frames = torch.cat([frames[..., n_fft // 2 :], frames[..., : n_fft // 2]], dim=-1) * self.window
        reach = -(-(n_fft - hop) // (2 * hop))
        steps = 2 * reach + 1
        before = reach * hop + hop // 2 - n_fft // 2
        blocks = F.pad(frames, (before, steps * hop - before - n_fft, 0, 0, reach, reach))
        blocks = split(blocks, -1, (steps, hop)).transpose(1, 2)
        parts = [blocks[:, :, 2 * reach - step : 2 * reach - step + count, step] for step in range(steps)]
        mid, side = (torch.stack(parts).sum(0) * self.gain).flatten(2).unbind(1)
        return torch.stack([mid + side, mid - side], dim=1)


class VoiceGraph(nn.Module):
    """``VoiceStream`` for one window: pulses and noise, shaped; the room; the step up to 48 kHz."""

    harmonic: Tensor
    noise: Tensor
    table_real: Tensor
    table_imaginary: Tensor
    window: Tensor
    room_real: Tensor
    room_imaginary: Tensor
    taps: Tensor

    def __init__(self, codec: TwoStemCodec, room_fft: int = 32768) -> None:
        """``room_fft``: length of the transforms that the room is convolved with."""
        super().__init__()
        config = codec.config
        self.harmonic_bands = config.harmonic_bands
        self.fft, self.room_fft = RealFft(N_FFT), RealFft(room_fft)
        response = room_response()
        self.tail = response.shape[1] - 1
        spectrum = torch.fft.rfft(response, room_fft)
        table = voice_renderer.noise_table()
        bins, nyquist = voice_renderer.BINS, RATE / 2
        constants = {
            "harmonic": torch.from_numpy(mel.mel_interpolation(config.harmonic_bands, bins, nyquist)),
            "noise": torch.from_numpy(mel.mel_interpolation(config.noise_bands, bins, nyquist)),
            "table_real": table.real.contiguous(),
            "table_imaginary": table.imag.contiguous(),
            "window": torch.hann_window(N_FFT),
            "room_real": spectrum.real.contiguous(),
            "room_imaginary": spectrum.imag.contiguous(),
            "taps": half_band_taps().view(1, 1, -1),
        }
        for name, tensor in constants.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(
        self, bands: Tensor, f0: Tensor, voicing: Tensor, first: Tensor, phase: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``bands [B, t, 104]``, ``f0`` in Hz and ``voicing [B, t]`` from frame ``first`` (int64 ``[1]``) on.

        Gives stereo ``[B, 2, 480 t]`` at 48 kHz and the phase at each frame ``[B, t]``.
        """
        # Beyond its ends a window goes on as it ends; at the song's ends that is the rule, elsewhere it is cut away.
        before = phase - _PAD * voice_renderer.HOP * f0[:, 0].double() / RATE
        before = torch.where(first == 0, torch.zeros_like(before), before - before.floor())
        bands, f0, voicing = (_held(frames) for frames in (bands, f0, voicing))
        source, phases = pulses(f0, voicing, before)
        dry = self.shaped(bands, source, first - _PAD)[:, voice_renderer.HOP // 2 : -(voice_renderer.HOP // 2)]
        return self.in_room(dry), phases[:, _PAD:-AFTER]

    def shaped(self, bands: Tensor, source: Tensor, first: Tensor) -> Tensor:
        """Dry sound at 24 kHz (``VoiceRenderer.stretch``)."""
        hop, span = voice_renderer.HOP, voice_renderer.N_FFT // voice_renderer.HOP + 1
        total = bands.shape[1] - BEFORE - AFTER + 5
        offset = (BEFORE - 2) * hop - N_FFT // 2
        frames = framed(source[:, offset:], N_FFT, hop)[:, :total]
        inner = bands[:, BEFORE - 2 : BEFORE - 2 + total]
        harmonic = torch.exp(inner[..., : self.harmonic_bands] @ self.harmonic) - VOICE_FLOOR
        power = torch.exp(2 * (inner[..., self.harmonic_bands :] @ self.noise)) - VOICE_FLOOR**2
        harmonic, noise = harmonic.clamp(min=1e-4), power.clamp(min=1e-6).sqrt() * NOISE_GAIN
        rows = (torch.arange(total, device=bands.device) + first + BEFORE - 2) % NOISE_FRAMES
        real, imaginary = self.fft(frames * (self.window / 300))
        real = real * harmonic + self.table_real[rows] * noise
        imaginary = imaginary * harmonic + self.table_imaginary[rows] * noise
        made = self.fft.inverse(real, imaginary) * (self.window / WINDOW_POWER)
        blocks = split(F.pad(made, (hop // 2, hop // 2)), -1, (span, hop))
        parts = [blocks[:, BEFORE - step : total - step, step] for step in range(span)]
        return torch.stack(parts).sum(0).flatten(1)

    def in_room(self, dry: Tensor) -> Tensor:
        """``RoomStream`` over the whole: ``[B, n]`` at 24 kHz to ``[B, 2, 2 n]`` at 48 kHz."""
        size, length = self.room_fft.n, dry.shape[1]
        step = size - self.tail
        segments = framed(F.pad(dry, (self.tail, step)), size, step)
        real, imaginary = (part.unsqueeze(2) for part in self.room_fft(segments))
        wet = self.room_fft.inverse(
            real * self.room_real - imaginary * self.room_imaginary,
            real * self.room_imaginary + imaginary * self.room_real,
        )
        wet = wet[..., self.tail :].transpose(1, 2).flatten(2)[..., :length]
        padded = F.pad(wet, (HALF_TAPS - 1, HALF_TAPS)).flatten(0, 1).unsqueeze(1)
        between = split(F.conv1d(padded, self.taps), 0, (-1, 2)).squeeze(2)
        return torch.stack([wet, between], dim=-1).flatten(2)


def _stacked(frames: Tensor, count: int) -> Tensor:
    """``[B, count T, n]`` to ``[B, T, count n]``."""
    return split(frames, 1, (-1, count)).flatten(2)


def _held(frames: Tensor) -> Tensor:
    """``[B, t, ...]`` with its first frame 6 times more in front and its last one 6 times more behind."""
    shape = [-1] * frames.dim()
    first, last = (list(shape), list(shape))
    first[1], last[1] = _PAD, AFTER
    return torch.cat([frames[:, :1].expand(first), frames, frames[:, -1:].expand(last)], dim=1)
