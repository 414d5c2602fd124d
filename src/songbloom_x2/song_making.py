"""One song between request and result: its blocks are collected and decoded while the engine makes the next."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from songbloom_x2.audio.stages import Chain, Dropped, FadeOut, Stage, joined
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import FRAME_RATE, SamplingConfig, SongConfig
from songbloom_x2.editing.memory import memory_of
from songbloom_x2.engine import Ending, SongState, SongTask
from songbloom_x2.engine.task import most_blocks
from songbloom_x2.manifest import samples_sha256
from songbloom_x2.request_checks import least_frames, most_frames
from songbloom_x2.song_music import music_of
from songbloom_x2.song_score import sung_score
from songbloom_x2.steps import SongCondition
from songbloom_x2.text.duration import in_tempo
from songbloom_x2.types import (
    FloatArray,
    PreparedLyrics,
    Progress,
    Song,
    SongBlock,
    SongLevel,
    SongRequest,
    Style,
    Waveform,
)

FADE_SECONDS = 2.0
"""Over so long a song that is cut by its length dies away."""
DECODE_FRAMES = 128
"""Latent frames decoded at a time where nobody listens yet: the overlap that a codec needs costs less then."""


@dataclass(frozen=True)
class SoundWay:
    """How a song's decoded sound becomes the song, where part of it exists already.

    ``opened`` is heard before anything is made; ``stages`` are new ones, for one song.
    """

    opened: FloatArray
    stages: Callable[[], Sequence[Stage]]
    level: SongLevel


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
    start: SongState | None = None
    """Where the song goes on from; none: it begins."""
    sketch: SongState | None = None
    """A song whose sketch is sung again, rendered anew."""
    branches: tuple[tuple[float, SongCondition], ...] = ()
    """Weights and conditions of its styles, where they are mixed in each of the model's predictions."""
    way: SoundWay | None = None
    """What its sound passes through, where that is more than the end's fade."""

    def task(self) -> SongTask:
        """The engine's part of it."""
        least = least_frames(self.request, self.config)
        if self.sketch is not None:
            least = self.sketch.frames
        if self.start is not None:
            # At least something new.
            least = max(least, self.start.frames + self.config.block_size)
        return SongTask(self.condition, self.request.seed, self.limit, least, self.start)

    @property
    def limit(self) -> int | None:
        """Latent frames at most; none: what sampling or else the model says."""
        return most_frames(self.request, self.config) if self.sketch is None else self.sketch.frames

    @property
    def fade(self) -> tuple[int, int]:
        """The samples between which the song fades, if it gets that far: the end of its limit."""
        config, alignment = self.config, self.config.alignment
        longest = self.limit or self.sampling.max_frames or config.max_frames
        longest = most_blocks(longest, config.block_size) * config.block_size
        heard = longest - (0 if alignment is None else alignment.lead)
        frames = min(FADE_SECONDS * FRAME_RATE, heard / 4)
        return round((heard - frames) * config.samples_per_frame), heard * config.samples_per_frame

    @property
    def blocks_expected(self) -> int:
        """An estimate from the lyrics, within the song's limits."""
        config = self.config
        limit = self.limit or self.sampling.max_frames or config.max_frames
        if self.request.duration is not None:
            return limit // config.block_size
        frames = min(self.seconds_expected * FRAME_RATE, limit)
        return max(1, math.ceil(frames / config.block_size))

    @property
    def seconds_expected(self) -> float:
        """How long its lyrics are likely to take in its tempo."""
        return in_tempo(self.lyrics, None if self.style is None else self.style.tempo)


class SongMaking:
    """Collects one song's blocks and decodes them."""

    def __init__(self, prepared: PreparedSong, codec: Codec, *, decode_frames: int) -> None:
        """``decode_frames``: how many latent frames are gathered before they are decoded (0: every block at once)."""
        self.prepared = prepared
        self.state: SongState | None = None
        """Where the engine left the song, once it is made."""
        self._codec = codec
        self._stream = codec.open_stream()
        self._decode_frames = decode_frames
        alignment = prepared.config.alignment
        # The sketch runs ahead of the latents: what they hold before the song begins is not heard.
        unheard = 0 if alignment is None else alignment.lead * codec.samples_per_frame
        way, start = prepared.way, prepared.start
        stages: list[Stage] = [Dropped(unheard), FadeOut(*prepared.fade), *(() if way is None else way.stages())]
        self._way = Chain(stages)
        self._tokens: list[Tensor] = [] if start is None else [start.tokens]
        self._latents: list[Tensor] = [] if start is None else [start.latents]
        self._waiting: list[Tensor] = list(self._latents)
        self._sound: list[FloatArray] = [] if way is None else [way.opened]
        self._started = self._last = time.perf_counter()
        self._first_sound = 0.0
        self._made = 0
        self._decoding = 0.0

    def start(self) -> None:
        """Timing begins."""
        self._started = self._last = time.perf_counter()

    @property
    def ending(self) -> Ending:
        """Why the song is over; nothing while it is made."""
        return "" if self.state is None else self.state.ending

    @property
    def pointer(self) -> Tensor | None:
        """How many phonemes of the lyrics have begun after each frame (int64 ``[T]``), where the guide records it."""
        if self.state is None or "pointer" not in self.state.trail:
            return None
        # The trail begins before the first frame.
        return self.state.trail["pointer"][1:]

    @property
    def opened(self) -> FloatArray:
        """What is heard before anything is made, ``[C, n]``."""
        way = self.prepared.way
        return np.zeros((self._codec.channels, 0), np.float32) if way is None else way.opened

    @property
    def empty(self) -> bool:
        """Whether the model ended the song before its first block."""
        return not self._latents

    @property
    def progress(self) -> Progress:
        """How far it is."""
        block = self._frames // self.prepared.config.block_size
        seconds = sum(latents.shape[1] for latents in self._latents) / FRAME_RATE
        expected = block if self.ending else max(block, self.prepared.blocks_expected)
        return Progress(block, expected, seconds, self._last - self._started)

    def add(self, block: SongBlock) -> FloatArray:
        """Take the next block; give the sound ``[C, n]`` that became certain."""
        self._tokens.append(block.tokens.cpu())
        self._latents.append(block.latents.float().cpu())
        self._waiting.append(block.latents.float())
        self._made += block.latents.shape[1]
        enough = sum(part.shape[1] for part in self._waiting) > self._decode_frames
        sound = self._decode() if enough else np.zeros((self._codec.channels, 0), np.float32)
        self._last = time.perf_counter()
        return sound

    def finish(self) -> FloatArray:
        """No more blocks will come: the rest of the sound."""
        parts = [self._decode()] if self._waiting else []
        started = time.perf_counter()
        parts += [self._way.push(self._stream.flush().float().cpu().numpy()), self._way.flush()]
        self._sound += parts[-2:]
        self._last = time.perf_counter()
        self._decoding += self._last - started
        self._sound = [joined(self._sound)]
        return joined([np.zeros((self._codec.channels, 0), np.float32), *parts])

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

    def music(self) -> dict[str, Any]:
        """Tempo and key, once it was finished."""
        return music_of(self._waveform(), self.prepared.style)

    def timings(self) -> dict[str, float]:
        """Seconds: preparing, until the first sound, all of the making, of which decoding; and the real-time factor."""
        making = self._last - self._started
        return {
            "prepare": self.prepared.seconds_spent,
            "first_audio": self._first_sound,
            "making": making,
            "decoding": self._decoding,
            "real_time_factor": making / max(self._made / FRAME_RATE, 1e-9),
        }

    def song(self, manifest: dict[str, Any]) -> Song:
        """The song, once it was finished."""
        tokens = torch.cat(self._tokens).numpy()
        score, memory, prepared = None, None, self.prepared
        if self.pointer is not None:
            score = sung_score(tokens, self.pointer.numpy(), prepared.lyrics, prepared.style, prepared.config)
        if self.state is not None:
            fade = list(prepared.fade) if self._waveform().samples.shape[1] > prepared.fade[0] else None
            told = {"model": manifest["model"], "samples_sha256": manifest["result"]["samples_sha256"]}
            facts = {**told, "fade": fade, "manifest": manifest}
            memory = memory_of(self.state, prepared.lyrics, prepared.style, facts)
        level = None if prepared.way is None else prepared.way.level
        return Song(self._waveform(), tokens, torch.cat(self._latents, dim=1).numpy(), manifest, score, memory, level)

    @property
    def _frames(self) -> int:
        return sum(latents.shape[1] for latents in self._latents)

    def _decode(self) -> FloatArray:
        started = time.perf_counter()
        made = self._stream.push(torch.cat(self._waiting, dim=1))
        sound = self._way.push(made.float().cpu().numpy())
        self._waiting.clear()
        self._sound.append(sound)
        now = time.perf_counter()
        self._decoding += now - started
        if sound.shape[1] and not self._first_sound:
            self._first_sound = now - self._started
        return sound

    def _waveform(self) -> Waveform:
        return Waveform(self._sound[0], self._codec.sample_rate)


def are_takes(requests: Sequence[SongRequest]) -> bool:
    """Whether these are one request's songs, with seeds that count up."""
    first = requests[0]
    return all(request == dataclasses.replace(first, seed=first.seed + i) for i, request in enumerate(requests))
