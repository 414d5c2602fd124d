"""The engine's working memory: what is kept of each song, and the tensors of those still being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from songbloom_x2.engine.draws import Draws, SeededDraws
from songbloom_x2.engine.prefill import prefill
from songbloom_x2.engine.state import Ending, SongState
from songbloom_x2.engine.task import SongTask, most_blocks
from songbloom_x2.errors import ConfigError
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.sketch.guide import GuideState, SketchGuide
from songbloom_x2.steps import SongCondition, Steps


@dataclass
class SongInMaking:
    """What is kept of one song. ``tokens [t]``, ``latents [D, t]`` and ``trail`` are pieces, to be joined."""

    task: SongTask
    draws: Draws
    most_blocks: int
    blocks: int = 0
    tokens: list[Tensor] = field(default_factory=list)
    latents: list[Tensor] = field(default_factory=list)
    trail: list[GuideState] = field(default_factory=list)
    guide: GuideState = field(default_factory=dict)
    ending: Ending = ""
    left: bool = False
    """It was taken out: nothing of it is kept any more."""

    @classmethod
    def open(cls, task: SongTask, steps: Steps, max_frames: int) -> SongInMaking:
        """At the task's state. Raises ``ConfigError`` where limits or state make no sense."""
        limit = max_frames if task.max_frames is None else task.max_frames
        state = task.state
        draws = task.draws or SeededDraws(task.seed, None if state is None else state.generator)
        song = cls(task, draws, most_blocks(limit, steps.block_size))
        if state is None or not state.frames:
            return song
        if state.frames % steps.block_size or state.latents.shape != (steps.latent_dim, state.frames):
            raise ConfigError(
                f"state of {state.frames} frames and latents {tuple(state.latents.shape)}: not made by this model, "
                f"whose blocks are {steps.latent_dim} x {steps.block_size}"
            )
        song.blocks = state.frames // steps.block_size
        song.tokens, song.latents = [state.tokens], [state.latents]
        song.trail, song.guide = [state.trail], state.guide
        # A song that was merely as long as it could be may be allowed more now.
        song.ending = "end" if state.ending == "end" else ""
        return song

    def goes_on(self) -> bool:
        """Whether another block may be tried; notes it if the song is now as long as it may be."""
        if not self.ending and self.blocks >= self.most_blocks:
            self.ending = "length"
        return not self.ending and not self.left

    def leave(self) -> None:
        """Forget what was made of it."""
        self.left = True
        nothing = torch.zeros(0, 0)
        self.task = SongTask(SongCondition(nothing, nothing), self.task.seed)
        self.tokens, self.latents, self.trail, self.guide = [], [], [], {}

    def made_tokens(self) -> Tensor:
        """All tokens so far, int64 ``[T]`` on the CPU."""
        return torch.cat([torch.zeros(0, dtype=torch.int64), *(piece.cpu() for piece in self.tokens)])

    def snapshot(self, width: int) -> SongState:
        """Where it stands, on the CPU; ``width`` is that of the latents."""
        names = self.trail[0] if self.trail else ()
        return SongState(
            self.made_tokens(),
            torch.cat([torch.zeros(width, 0), *(piece.cpu() for piece in self.latents)], dim=1),
            self.draws.state(),
            # Copies: these are views of the batch, and a file of tensors wants each in memory of its own.
            {name: value.cpu().clone() for name, value in self.guide.items()},
            {name: torch.cat([piece[name].cpu() for piece in self.trail]) for name in names},
            self.ending,
        )


@dataclass
class Batch:
    """The songs still being made, side by side (``N``); LM rows ``R``: conditional ones, then unconditional ones."""

    live: list[int]
    """Their numbers among all songs."""
    guide: SketchGuide
    state: GuideState
    cache: KVCache
    row: Tensor
    """The LM's next input ``[R, dim]``."""
    recent: Tensor
    """The tokens before this block that ``Steps.render`` wants, ``[N, sketch_tokens - block]``."""
    previous: Tensor
    """The latents of the block before, ``[N, block, D]``; zeros at the start."""

    @classmethod
    def open(
        cls, songs: Sequence[SongInMaking], live: list[int], steps: Steps, guide: SketchGuide, halves: int
    ) -> Batch:
        """The songs numbered ``live``, with everything they already have in the cache."""
        chosen = [songs[index] for index in live]
        tasks = [song.task for song in chosen]
        place = steps.bos.device
        tokens = [song.made_tokens() for song in chosen]
        state = guide.start(tokens, [song.guide for song in chosen])
        for index, song in enumerate(chosen):
            if not song.blocks:
                song.trail = [{name: state[name][index : index + 1] for name in guide.recorded}]
        capacity = max(song.task.prefix + 1 + song.most_blocks * (steps.block_size + 1) for song in chosen)
        cache = steps.new_cache(halves * len(chosen), capacity)
        row = prefill(steps, tasks, guide, cache, halves)
        wanted = steps.sketch_tokens - steps.block_size
        recent = torch.full((len(chosen), wanted), steps.ignore_token, dtype=torch.int64)
        previous = torch.zeros(len(chosen), steps.block_size, steps.latent_dim)
        for index, song in enumerate(chosen):
            if song.blocks:
                recent[index] = tokens[index][len(tokens[index]) - wanted :]
                previous[index] = song.latents[-1][:, -steps.block_size :].T
        return cls(list(live), guide, state, cache, row, recent.to(place), previous.to(place))

    def keep(self, songs: Tensor) -> Tensor:
        """Only these of the songs (positions in ``live``); gives the LM rows that stay."""
        count = len(self.live)
        rows = torch.cat([songs + first for first in range(0, self.row.shape[0], count)])
        self.live = [self.live[song] for song in songs.tolist()]
        self.guide = self.guide.keep(songs)
        self.state = {name: value[songs] for name, value in self.state.items()}
        self.cache.keep(rows)
        self.row = self.row[rows]
        self.recent = self.recent[songs]
        self.previous = self.previous[songs]
        return rows
