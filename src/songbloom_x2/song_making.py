"""One song between request and result: its blocks are collected and decoded while the engine makes the next."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from songbloom_x2.codec.base import Codec
from songbloom_x2.config import FRAME_RATE, SamplingConfig, SongConfig
from songbloom_x2.engine import Ending, SongTask
from songbloom_x2.manifest import samples_sha256
from songbloom_x2.request_checks import least_frames, most_frames
from songbloom_x2.song_score import sung_score
from songbloom_x2.steps import SongCondition
from songbloom_x2.types import FloatArray, PreparedLyrics, Progress, Song, SongBlock, SongRequest, Style, Waveform

DECODE_FRAMES = 128
"""Latent frames decoded at a time where nobody listens yet: the overlap that a codec needs costs less then."""


@dataclass(frozen=True)
class PreparedSong:
    """A request that was checked and turned into what the engine needs."""

    request: SongRequest
    lyrics: PreparedLyrics
    style: Style | None
    sampling: SamplingConfig
    condition: SongCondition
    config: SongConfig
    seconds_spent: float

    def task(self) -> SongTask:
        """The engine's part of it."""
        return SongTask(
            self.condition,
            self.request.seed,
            most_frames(self.request, self.config),
            least_frames(self.request, self.config),
        )

    @property
    def blocks_expected(self) -> int:
        """An estimate from the lyrics, within the song's limits."""
        config = self.config
        limit = most_frames(self.request, config) or self.sampling.max_frames or config.max_frames
        frames = min(self.lyrics.estimated_seconds * FRAME_RATE, limit)
        return max(1, math.ceil(frames / config.block_size))


class SongMaking:
    """Collects one song's blocks and decodes them."""

    def __init__(self, prepared: PreparedSong, codec: Codec, *, decode_frames: int) -> None:
        """``decode_frames``: how many latent frames are gathered before they are decoded (0: every block at once)."""
        self.prepared = prepared
        self.ending: Ending = ""
        self.pointer: Tensor | None = None
        """How many phonemes of the lyrics have begun after each frame (int64 ``[T]``), where the guide records it."""
        self._codec = codec
        self._stream = codec.open_stream()
        self._decode_frames = decode_frames
        alignment = prepared.config.alignment
        # The sketch runs ahead of the latents: what they hold before the song begins is not heard.
        self._unheard = 0 if alignment is None else alignment.lead * codec.samples_per_frame
        self._tokens: list[Tensor] = []
        self._latents: list[Tensor] = []
        self._waiting: list[Tensor] = []
        self._sound: list[FloatArray] = []
        self._started = self._last = time.perf_counter()
        self._first_sound = 0.0
        self._decoding = 0.0

    def start(self) -> None:
        """Timing begins."""
        self._started = self._last = time.perf_counter()

    @property
    def empty(self) -> bool:
        """Whether the model ended the song before its first block."""
        return not self._latents

    @property
    def progress(self) -> Progress:
        """How far it is."""
        block = len(self._latents)
        seconds = sum(latents.shape[1] for latents in self._latents) / FRAME_RATE
        expected = block if self.ending else max(block, self.prepared.blocks_expected)
        return Progress(block, expected, seconds, self._last - self._started)

    def add(self, block: SongBlock) -> FloatArray:
        """Take the next block; give the sound ``[C, n]`` that became certain."""
        self._tokens.append(block.tokens.cpu())
        self._latents.append(block.latents.float().cpu())
        self._waiting.append(block.latents.float())
        enough = sum(part.shape[1] for part in self._waiting) > self._decode_frames
        sound = self._decode() if enough else np.zeros((self._codec.channels, 0), np.float32)
        self._last = time.perf_counter()
        return sound

    def finish(self) -> FloatArray:
        """No more blocks will come: the rest of the sound."""
        parts = [self._decode()] if self._waiting else []
        started = time.perf_counter()
        parts.append(self._heard(self._stream.flush().float().cpu().numpy()))
        self._sound.append(parts[-1])
        self._last = time.perf_counter()
        self._decoding += self._last - started
        self._sound = [np.ascontiguousarray(np.concatenate(self._sound, axis=1))]
        return np.concatenate(parts, axis=1)

    def result(self) -> dict[str, Any]:
        """What a manifest says about the outcome, once it was finished."""
        waveform = self._waveform()
        return {
            "ending": self.ending,
            "frames": self._frames,
            "seconds": waveform.seconds,
            "sample_rate": waveform.sample_rate,
            "channels": int(waveform.samples.shape[0]),
            "samples": int(waveform.samples.shape[1]),
            "samples_sha256": samples_sha256(waveform),
        }

    def timings(self) -> dict[str, float]:
        """Seconds: preparing, until the first sound, all of the making, of which decoding; and the real-time factor."""
        making = self._last - self._started
        return {
            "prepare": self.prepared.seconds_spent,
            "first_audio": self._first_sound,
            "making": making,
            "decoding": self._decoding,
            "real_time_factor": making / max(self._frames / FRAME_RATE, 1e-9),
        }

    def song(self, manifest: dict[str, Any]) -> Song:
        """The song, once it was finished."""
        tokens = torch.cat(self._tokens).numpy()
        score = None
        if self.pointer is not None:
            prepared = self.prepared
            score = sung_score(tokens, self.pointer.numpy(), prepared.lyrics, prepared.style, prepared.config)
        return Song(self._waveform(), tokens, torch.cat(self._latents, dim=1).numpy(), manifest, score)

    @property
    def _frames(self) -> int:
        return sum(latents.shape[1] for latents in self._latents)

    def _decode(self) -> FloatArray:
        started = time.perf_counter()
        made = self._stream.push(torch.cat(self._waiting, dim=1))
        sound = self._heard(made.float().cpu().numpy())
        self._waiting.clear()
        self._sound.append(sound)
        now = time.perf_counter()
        self._decoding += now - started
        if sound.shape[1] and not self._first_sound:
            self._first_sound = now - self._started
        return sound

    def _heard(self, sound: FloatArray) -> FloatArray:
        skipped = min(self._unheard, sound.shape[1])
        self._unheard -= skipped
        return sound[:, skipped:]

    def _waveform(self) -> Waveform:
        return Waveform(self._sound[0], self._codec.sample_rate)
