"""Songs ready to train on: aligned sketch, latents and prompts in memory, and batches drawn from (seed, step) alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.alignment import END, NEXT, REST, STAY, AlignmentState, Profile
from songbloom_x2.conditioning.prior import prompt_statistics
from songbloom_x2.conditioning.score import LyricScore, lyric_score
from songbloom_x2.conditioning.window import describe
from songbloom_x2.config import SongConfig, TwoStemConfig
from songbloom_x2.train.aligned import AlignedSketch


@dataclass(frozen=True)
class TrainingSong:
    """One song: its aligned sketch of ``T`` frames (whole blocks), and float16 latents.

    ``latents`` ``[T, D]`` lag the sketch by the alignment's ``lead``; ``clean`` ``[C, D]`` are unshifted stem latents
    to take prompts from; ``mixture`` ``[M, D]`` a prompt as heard from outside (voice slot empty, mixture in the band
    slot). Of a song that was sung without a band the band's places are NaN and ``mixture`` is empty.
    """

    sketch: AlignedSketch
    latents: Tensor
    clean: Tensor
    mixture: Tensor
    style: str
    voice: str

    @property
    def accompanied(self) -> bool:
        """Whether it has a band."""
        return len(self.mixture) > 0


@dataclass(frozen=True)
class SketchBatch:
    """``B`` whole songs for the sketch LM, padded to ``T`` frames; one more step than frames, for the end.

    ``state`` int64 ``[B, T + 1]`` before each frame; ``decision``, ``pitch``, ``chord`` targets ``[B, T + 1]`` (-100:
    no loss); ``tokens`` ``[B, T]``; ``latents`` ``[B, T, D]``; ``prompts`` ``[B, P, D]``; ``frames`` ``[B]``.
    """

    ids: list[list[int]]
    score: LyricScore
    profile: Profile
    state: AlignmentState
    tokens: Tensor
    decision: Tensor
    pitch: Tensor
    chord: Tensor
    latents: Tensor
    prompts: Tensor
    frames: Tensor


@dataclass(frozen=True)
class RenderBatch:
    """``B`` blocks for the renderer: ``window`` ``[B, context, columns]`` (``conditioning.window``), ``statistics``
    ``[B, S]`` of the prompts, ``latents`` and ``previous`` ``[B, block, D]``."""

    window: Tensor
    statistics: Tensor
    latents: Tensor
    previous: Tensor


class Songs:
    """A set of training songs under one model configuration."""

    def __init__(self, songs: Sequence[TrainingSong], config: SongConfig) -> None:
        """``config`` must have an alignment and the two-stem codec."""
        if config.alignment is None or not isinstance(config.codec, TwoStemConfig):
            raise ValueError("the aligned sketch belongs to the embedded model: alignment and two-stem codec")
        self.songs = sorted(songs, key=lambda song: len(song.sketch.current))
        self.config, self.alignment, self.codec = config, config.alignment, config.codec
        lengths = np.array([len(song.sketch.current) for song in self.songs], dtype=np.float64)
        self._weight = lengths / lengths.sum()
        self._accompanied: dict[str, list[TrainingSong]] = {}
        for song in self.songs:
            if song.accompanied:
                self._accompanied.setdefault(song.style, []).append(song)

    def __len__(self) -> int:
        """Number of songs."""
        return len(self.songs)

    @property
    def hours(self) -> float:
        """Hours of song."""
        return sum(len(song.sketch.current) for song in self.songs) / 25 / 3600

    def _prompt(self, song: TrainingSong, rng: np.random.Generator) -> Tensor:
        """A prompt of at most 10 s: stems, or the mixture from outside, or none (an empty tensor)."""
        kind = rng.random()
        if kind < self.config.prompt_dropout:
            return song.clean.new_zeros(0, self.config.latent_dim)
        source = song.mixture if kind > 0.75 and song.accompanied else song.clean
        prompt = _stretch(source, rng)
        if song.accompanied:
            return prompt
        # A voice alone borrows a band of its style: a prompt always has one.
        others = self._accompanied.get(song.style) or [other for found in self._accompanied.values() for other in found]
        band = _stretch(others[int(rng.integers(len(others)))].clean, rng)
        length, voice = min(len(prompt), len(band)), self.codec.voice_dim
        return torch.cat([prompt[:length, :voice], band[:length, voice:]], 1)

    def statistics(self, prompt: Tensor) -> Tensor:
        """Prompt latents ``[T, D]`` -> ``[2 * D]``; zeros where there is no prompt."""
        if not len(prompt):
            return torch.zeros(2 * self.config.latent_dim)
        first = self.codec.voice_components
        return prompt_statistics(prompt.T, self.codec.voice_dim, slice(first, first + self.codec.sub_frames))

    def sketch_batch(self, seed: int, step: int, size: int) -> SketchBatch:
        """Songs of about one length, chosen by (seed, step)."""
        rng = np.random.default_rng([seed, step, 1])
        first = int(rng.integers(0, max(1, len(self.songs) - size + 1)))
        return self.collate([self.songs[i] for i in range(first, min(first + size, len(self.songs)))], rng)

    def collate(self, songs: Sequence[TrainingSong], rng: np.random.Generator) -> SketchBatch:
        """Whole songs as one padded batch."""
        layout = self.alignment.layout
        none = len(layout.phonemes)
        size, longest = len(songs), max(len(song.sketch.current) for song in songs)
        rows = self.config.prompt.max_len

        def full(value: int, length: int = longest + 1) -> Tensor:
            return torch.full((size, length), value, dtype=torch.long)

        current, pitch, run, pointer = full(none), full(layout.pitches), full(0), full(0)
        lead, decision, pitch_target, chord_target = full(layout.chords), full(-100), full(-100), full(-100)
        tokens = full(layout.size, longest)
        latents = torch.zeros(size, longest, self.config.latent_dim)
        prompts = torch.zeros(size, rows, self.config.latent_dim)
        statistics, tempos, keys = [], [], []
        for i, song in enumerate(songs):
            s = song.sketch
            n = len(s.current)
            now = {name: torch.from_numpy(getattr(s, name)) for name in ("current", "pitch", "run", "pointer", "chord")}
            for table, name in ((current, "current"), (pitch, "pitch"), (run, "run"), (pointer, "pointer")):
                table[i, 1 : n + 1] = now[name]
                table[i, n + 1 :] = int(now[name][-1])
            sung = now["current"] < none
            tempo = torch.tensor(s.tempo)
            frames = torch.arange(n + 2)
            leading = torch.from_numpy(s.slots)[clock.leading_slot(frames, tempo).clamp(max=len(s.slots) - 1)]
            lead[i, 1 : n + 1] = leading[1 : n + 1]
            before = torch.cat([torch.tensor([none]), now["current"][:-1]])
            begun = torch.cat([torch.zeros(1, dtype=torch.long), now["pointer"][:-1]])
            held = torch.where(sung & (before == now["current"]), STAY, REST)
            moved = torch.where(now["pointer"] > begun, NEXT, held)
            decision[i, :n], decision[i, n] = moved, END
            pitch_target[i, :n] = torch.where(sung, now["pitch"], -100)
            new = clock.leading_slot(frames[1:], tempo) != clock.leading_slot(frames[:-1], tempo)
            new[0] = True
            chord_target[i, :n] = torch.where(new[:n], leading[1 : n + 1], -100)
            beat = clock.beat(frames[:n], tempo)
            tokens[i, :n] = torch.where(
                sung, now["current"] * layout.pitches + now["pitch"], layout.sung + now["chord"] * layout.beats + beat
            )
            latents[i, :n] = song.latents[:n].float()
            prompt = self._prompt(song, rng).float()
            prompts[i, : min(rows, len(prompt))] = prompt[:rows]
            statistics.append(self.statistics(prompt))
            tempos.append(s.tempo)
            keys.append(s.key if rng.random() > 0.05 else layout.chords)
        frame = torch.arange(longest + 1).expand(size, -1)
        return SketchBatch(
            ids=[list(song.sketch.ids) for song in songs],
            score=lyric_score([song.sketch.ids for song in songs], self.config.lyrics, self.alignment),
            profile=Profile(
                torch.tensor(tempos),
                torch.tensor(keys),
                torch.stack(statistics),
                torch.zeros(size, dtype=torch.long),
                torch.full((size,), layout.pitches - 1),
            ),
            state=AlignmentState(current, pitch, run, pointer, frame, lead, lead),
            tokens=tokens,
            decision=decision,
            pitch=pitch_target,
            chord=chord_target,
            latents=latents,
            prompts=prompts,
            frames=torch.tensor([len(song.sketch.current) for song in songs]),
        )

    def render_batch(self, seed: int, step: int, size: int) -> RenderBatch:
        """Random blocks, songs weighted by their length, chosen by (seed, step)."""
        rng = np.random.default_rng([seed, step, 2])
        chosen = rng.choice(len(self.songs), size, p=self._weight)
        block, context = self.config.block_size, self.alignment.context
        layout = self.alignment.layout
        windows: dict[str, list[Tensor]] = {name: [] for name in ("current", "pitch", "pointer", "chord", "frame")}
        outside = {"current": len(layout.phonemes), "pitch": layout.pitches, "pointer": 0, "chord": layout.chords}
        latents, previous, statistics, tempos, ids = [], [], [], [], []
        for i in chosen:
            song = self.songs[int(i)]
            end = block * (1 + int(rng.integers(0, len(song.sketch.current) // block)))
            missing = max(0, context - end)
            for name, value in outside.items():
                known = torch.from_numpy(getattr(song.sketch, name)[end - context + missing : end])
                windows[name].append(torch.cat([known.new_full((missing,), value), known]))
            windows["frame"].append(torch.arange(end - context, end))
            latents.append(song.latents[end - block : end].float())
            before = song.latents[max(0, end - 2 * block) : end - block].float()
            previous.append(before if len(before) else torch.zeros_like(latents[-1]))
            statistics.append(self.statistics(self._prompt(song, rng)))
            tempos.append(song.sketch.tempo)
            ids.append(song.sketch.ids)
        score = lyric_score(ids, self.config.lyrics, self.alignment)
        columns = {name: torch.stack(values) for name, values in windows.items()}
        return RenderBatch(
            window=describe(**columns, score=score, tempo=torch.tensor(tempos), config=self.alignment),
            statistics=torch.stack(statistics),
            latents=torch.stack(latents),
            previous=torch.stack(previous),
        )


def _stretch(source: Tensor, rng: np.random.Generator) -> Tensor:
    """4 to 10 s of latents ``[T, D]``, or all of them."""
    length = min(len(source), int(rng.integers(100, 251)))
    start = int(rng.integers(0, len(source) - length + 1))
    return source[start : start + length]
