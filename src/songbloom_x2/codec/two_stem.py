"""The embedded codec: a source-filter voice and a mel band in one latent, rendered apart and summed.

A latent frame (40 ms) is ``[voice spectrum, whitened | voicing x 4 | F0 x 4 | band, whitened]``. Voicing is -1 or 1, F0
``(midi - 60) / 2``, drawn through the unvoiced stretches; both every 10 ms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.codec.band_decoder import BandDecoder
from songbloom_x2.codec.base import Codec, DecodeStream
from songbloom_x2.codec.mel import FLOOR as BAND_FLOOR
from songbloom_x2.codec.mel import HOP, SAMPLE_RATE, band_features
from songbloom_x2.codec.voice_renderer import AFTER, REST, REST_FRAMES, VoiceRenderer, VoiceStream, silent_bands
from songbloom_x2.codec.whitening import Whitening
from songbloom_x2.config import PITCH_CENTRE, PITCH_UNIT, TwoStemConfig

_LOWEST_NOTE, _HIGHEST_NOTE = 24.0, 100.0
_LEAST_HOP = 8
"""Latent frames that the band decoder waits for at least, since each of its runs costs twice its context more."""


def pitch_latents(midi: Tensor) -> Tensor:
    """MIDI numbers as the F0 part of a latent holds them."""
    return (midi - PITCH_CENTRE) / PITCH_UNIT


class TwoStemCodec(Codec):
    """State dict: ``voice_whitening.*``, ``band_whitening.*`` (buffers), ``band_decoder.*`` (weights)."""

    def __init__(self, config: TwoStemConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.channels = SAMPLE_RATE, 2
        self.samples_per_frame, self.latent_dim = HOP * config.sub_frames, config.latent_dim
        bands, mels = config.harmonic_bands + config.noise_bands, config.mid_mels + config.side_mels
        self.voice_whitening = Whitening(bands * config.sub_frames, config.voice_components)
        self.band_whitening = Whitening(mels * config.sub_frames, config.band_components)
        self.band_decoder = BandDecoder(
            config.mid_mels, config.side_mels, config.decoder_dim, config.decoder_layers, config.n_fft
        )
        self.context = -(-self.band_decoder.context // config.sub_frames)
        """Latent frames on each side that the band of a frame depends on, at most."""
        self.reach = max(self.context, -(-AFTER // config.sub_frames))
        self._renderer: VoiceRenderer | None = None

    def encode(self, audio: Tensor) -> Tensor:
        """A foreign mixture ``[B, 2, N]`` to latents: all of it in the band slot, the voice slot silent."""
        band = self.encode_band(audio)
        return torch.cat([self.silent_voice(band.shape[0], band.shape[2]), band], dim=1)

    def encode_stems(self, bands: Tensor, f0: Tensor, voiced: Tensor, audio: Tensor) -> Tensor:
        """Voice frames (see ``encode_voice``) and the band's sound ``[B, 2, N]`` to latents of the longer's length."""
        voice, band = self.encode_voice(bands, f0, voiced), self.encode_band(audio)
        frames, short = max(voice.shape[2], band.shape[2]), min(voice.shape[2], band.shape[2])
        if voice.shape[2] < frames:
            voice = torch.cat([voice, self.silent_voice(len(voice), frames - short)], dim=2)
        if band.shape[2] < frames:
            quiet = audio.new_zeros(len(audio), 2, (frames - short) * self.samples_per_frame)
            band = torch.cat([band, self.encode_band(quiet)], dim=2)
        return torch.cat([voice, band], dim=1)

    def encode_voice(self, bands: Tensor, f0: Tensor, voiced: Tensor) -> Tensor:
        """Voice frames to ``[B, voice_dim, ceil(t / 4)]``.

        ``bands [B, t, 104]`` log-gains at 100 Hz, ``f0 [B, t]`` in Hz (ignored where unvoiced), ``voiced [B, t]`` bool.
        """
        missing = -bands.shape[1] % self.config.sub_frames
        if missing:
            quiet = silent_bands(self.config.harmonic_bands, self.config.noise_bands).to(bands)
            bands = torch.cat([bands, quiet.expand(len(bands), missing, -1)], dim=1)
            f0, voiced = F.pad(f0, (0, missing)), F.pad(voiced, (0, missing))
        bands = resting(bands, voiced, self.config.harmonic_bands)
        spectrum = self.voice_whitening.encode(self._stack(bands))
        midi = 69 + 12 * torch.log2(f0.clamp(min=20.0) / 440)
        pitch = pitch_latents(_drawn_through(midi, voiced))
        flags = voiced.to(spectrum.dtype) * 2 - 1
        return torch.cat([spectrum, self._stack(flags), self._stack(pitch)], dim=2).transpose(1, 2)

    def silent_voice(self, batch: int, frames: int) -> Tensor:
        """The voice slot of silence: ``[B, voice_dim, T]``."""
        count = frames * self.config.sub_frames
        bands = silent_bands(self.config.harmonic_bands, self.config.noise_bands).to(self.voice_whitening.mean)
        nothing = bands.new_zeros(batch, count)
        return self.encode_voice(bands.expand(batch, count, -1), nothing, nothing.bool())

    def encode_band(self, audio: Tensor) -> Tensor:
        """The band's sound ``[B, 2, N]`` to ``[B, band_components, ceil(N / 1920)]``."""
        audio = F.pad(audio, (0, -audio.shape[-1] % self.samples_per_frame))
        features = band_features(
            audio, mid_mels=self.config.mid_mels, side_mels=self.config.side_mels, n_fft=self.config.n_fft
        )
        return self.encode_features(features)

    def encode_features(self, features: Tensor) -> Tensor:
        """The band's features ``[B, t, mid + side]`` to ``[B, band_components, ceil(t / 4)]``."""
        missing = -features.shape[1] % self.config.sub_frames
        features = F.pad(features, (0, 0, 0, missing), value=float(torch.tensor(BAND_FLOOR).log()))
        return self.band_whitening.encode(self._stack(features)).transpose(1, 2)

    def band_features_of(self, latents: Tensor) -> Tensor:
        """The features that latents ``[B, D, T]`` stand for: ``[B, 4 T, mid + side]``."""
        rows = self.band_whitening.decode(latents[:, self.config.voice_dim :].transpose(1, 2))
        return self._unstack(rows)

    def voice_frames_of(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Bands ``[B, 4 T, 104]``, F0 in Hz and voicing from 0 to 1 (``[B, 4 T]``) of latents ``[B, D, T]``."""
        split = [self.config.voice_components, self.config.sub_frames, self.config.sub_frames]
        spectrum, flags, pitch = torch.split(latents[:, : self.config.voice_dim].transpose(1, 2), split, dim=2)
        rows = self._unstack(self.voice_whitening.decode(spectrum))
        midi = (pitch.flatten(1) * PITCH_UNIT + PITCH_CENTRE).clamp(_LOWEST_NOTE, _HIGHEST_NOTE)
        return rows, 440 * 2 ** ((midi - 69) / 12), (flags.flatten(1) + 0.5).clamp(0, 1)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``[B, D, T]`` to the mix ``[B, 2, 1920 T]``."""
        voice, band = self.decode_stems(latents)
        return voice + band

    def decode_stems(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Latents ``[B, D, T]`` to voice and band, ``[B, 2, 1920 T]`` each; their sum is the mix."""
        voice = VoiceStream(self.renderer(), len(latents)).push(*self.voice_frames_of(latents), last=True)
        voice = voice * self.voice_gain
        if not latents.shape[2]:
            return voice, torch.zeros_like(voice)
        return voice, self.band_decoder.render(self.band_features_of(latents))

    @property
    def voice_gain(self) -> float:
        """Linear gain of the voice in the sum."""
        return float(10 ** (self.config.voice_level_db / 20))

    def renderer(self) -> VoiceRenderer:
        """The voice's renderer on the device where the codec is."""
        device = self.voice_whitening.mean.device
        if self._renderer is None or self._renderer.device != device:
            self._renderer = VoiceRenderer(self.config.harmonic_bands, self.config.noise_bands, device)
        return self._renderer

    def open_stream(self) -> DecodeStream:
        """A new stream of one song; it runs ``context`` latent frames (0.32 s) behind."""
        return TwoStemStream(self)

    def _stack(self, frames: Tensor) -> Tensor:
        """``[B, 4 T, ...]`` to ``[B, T, 4 ...]``."""
        groups = frames.shape[1] // self.config.sub_frames
        return frames.reshape(frames.shape[0], groups, self.config.sub_frames, *frames.shape[2:]).flatten(2)

    def _unstack(self, rows: Tensor) -> Tensor:
        """``[B, T, 4 n]`` to ``[B, 4 T, n]``."""
        count = self.config.sub_frames
        return rows.reshape(rows.shape[0], rows.shape[1] * count, rows.shape[2] // count)


class TwoStemStream(DecodeStream):
    """The voice carries its phase and tails along; the band is decoded in windows with context on both sides."""

    def __init__(self, codec: TwoStemCodec) -> None:
        self._codec = codec
        self._voice = VoiceStream(codec.renderer(), 1)
        self._latents = torch.zeros(1, codec.latent_dim, 0, device=codec.renderer().device)
        self._first = 0
        self._given = 0
        self._waiting_voice = self._waiting_band = codec.no_audio(self._latents)
        self._over = False

    def push(self, latents: Tensor) -> Tensor:
        """Take ``[D, t]``, give ``[2, n]``."""
        return self._advance(latents, last=False)

    def flush(self) -> Tensor:
        """Give the rest, ``[2, n]``."""
        return self._advance(self._latents[0, :, :0], last=True)

    @torch.no_grad()
    def _advance(self, latents: Tensor, last: bool) -> Tensor:
        if self._over:
            raise RuntimeError("this stream is over: open another one for another song")
        self._over = last
        latents = latents.unsqueeze(0).to(self._latents)
        voice = self._voice.push(*self._codec.voice_frames_of(latents), last=last)
        self._waiting_voice = torch.cat([self._waiting_voice, voice[0] * self._codec.voice_gain], dim=1)
        self._latents = torch.cat([self._latents, latents], dim=2)
        self._waiting_band = torch.cat([self._waiting_band, self._decode_band(last)], dim=1)
        ready = min(self._waiting_voice.shape[1], self._waiting_band.shape[1])
        mix = self._waiting_voice[:, :ready] + self._waiting_band[:, :ready]
        self._waiting_voice, self._waiting_band = self._waiting_voice[:, ready:], self._waiting_band[:, ready:]
        return mix

    def _decode_band(self, last: bool) -> Tensor:
        """The band's samples that have become certain, ``[2, n]``."""
        codec, per_frame = self._codec, self._codec.config.sub_frames
        known = self._first + self._latents.shape[2]
        until = known if last else known - codec.context
        if until <= self._given or (not last and until - self._given < _LEAST_HOP):
            return codec.no_audio(self._latents)
        sound = codec.band_decoder.render(codec.band_features_of(self._latents), self._first * per_frame)[0]
        start, end = (frame - self._first for frame in (self._given, until))
        sound = sound[:, start * codec.samples_per_frame : end * codec.samples_per_frame]
        self._given = until
        keep = max(until - codec.context, 0)
        self._latents, self._first = self._latents[:, :, keep - self._first :], keep
        return sound


def resting(bands: Tensor, voiced: Tensor, harmonic: int) -> Tensor:
    """Bands ``[B, t, 104]`` with the harmonic ones of unvoiced frames drawn anew.

    They hold no sound, so whatever stands there is replaced by one rule: on the line between the nearest voiced frames,
    fading to ``REST`` within some 100 ms.
    """
    left, right, weight, nothing = _nearest(voiced)
    index = torch.arange(voiced.shape[1], device=voiced.device)
    nearer = torch.minimum((index - left).abs(), (right - index).abs())
    fade = torch.where(nothing, 0.0, torch.exp(-nearer / REST_FRAMES)).unsqueeze(2)
    spectrum, wide = bands[..., :harmonic], (*voiced.shape, harmonic)
    before, after = (spectrum.gather(1, side.unsqueeze(2).expand(wide)) for side in (left, right))
    held = torch.lerp(before, after, weight.unsqueeze(2))
    return torch.cat([REST + (held - REST) * fade, bands[..., harmonic:]], dim=2)


def _drawn_through(values: Tensor, known: Tensor) -> Tensor:
    """``[B, t]`` with the unknown values on straight lines between the known ones; 60 where nothing is known."""
    left, right, weight, nothing = _nearest(known)
    drawn = values.gather(1, left) * (1 - weight) + values.gather(1, right) * weight
    return torch.where(nothing, PITCH_CENTRE, drawn)


def _nearest(known: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of ``known [B, t]``: the nearest true places on the left and on the right, how far between them, and none at all.

    Where one side has none, the other's counts twice.
    """
    index = torch.arange(known.shape[1], device=known.device).expand_as(known)
    last = known.shape[1]
    left = torch.where(known, index, -1).cummax(1).values
    right = torch.where(known, index, last).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left), torch.where(right == last, left, right)
    nothing = (left < 0) | (left == last)
    left, right = left.clamp(0, max(last - 1, 0)), right.clamp(0, max(last - 1, 0))
    weight = (index - left) / (right - left).clamp(min=1)
    return left, right, weight, nothing
