"""The loop itself. Inside a block nothing waits for the device; between blocks, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.diffusion.guidance import RenderCondition, render_block
from songbloom_x2.engine.batch import Batch, SongInMaking
from songbloom_x2.engine.state import GenerationState, SongState
from songbloom_x2.engine.task import SongTask
from songbloom_x2.errors import SongBloomError
from songbloom_x2.sketch.guide import GuideState
from songbloom_x2.steps import Steps
from songbloom_x2.types import SongBlock

CONTEXT_STEP = 128
"""Attention looks at whole multiples of this many positions: few shapes, little wasted work."""


class Generation:
    """Songs in the making. Iterate ``blocks``; ``state`` between two blocks is where they can be resumed."""

    def __init__(self, steps: Steps, tasks: Sequence[SongTask], sampling: SamplingConfig) -> None:
        """Nothing is computed yet. Raises ``ConfigError`` for limits or states that make no sense."""
        self._steps = steps
        self._sampling = sampling
        self._solver = steps.solver(sampling)
        longest = sampling.max_frames or steps.max_frames
        self._longest = longest
        self._songs = [SongInMaking.open(task, steps, longest) for task in tasks]
        self._batch: Batch | None = None
        self._times: Tensor | None = None
        guided_latents = sampling.dit_guidance == "global" and sampling.cfg_diff != 1
        self._halves = 2 if guided_latents or sampling.cfg_lm != 1 else 1

    @property
    def state(self) -> GenerationState:
        """All songs after the last block made."""
        return GenerationState(tuple(song.snapshot(self._steps.latent_dim) for song in self._songs))

    def join(self, task: SongTask) -> int:
        """One more song from the next block on, among those still going on; gives its number.

        May be called between two blocks, and after the last one if ``blocks`` is then iterated again. Every song is
        what it would be alone, within rounding: all songs' rows are computed again, once, side by side.
        """
        self._songs.append(SongInMaking.open(task, self._steps, self._longest))
        if self._batch is not None:
            for index in self._batch.live:
                song = self._songs[index]
                song.task = dataclasses.replace(song.task, state=song.snapshot(self._steps.latent_dim))
            self._batch = None
        return len(self._songs) - 1

    def release(self, number: int) -> SongState:
        """A song leaves, finished or not: where it stands. Nothing of it is kept here; its number stays its own."""
        song = self._songs[number]
        state = song.snapshot(self._steps.latent_dim)
        song.leave()
        return state

    def over(self, number: int) -> bool:
        """Whether no more blocks of this song will come."""
        song = self._songs[number]
        return song.left or bool(song.ending) or song.blocks >= song.most_blocks

    @property
    def going_on(self) -> int:
        """How many songs go on: what a caller fills up with ``join``."""
        return sum(not self.over(number) for number in range(len(self._songs)))

    @property
    def state_bytes(self) -> int:
        """Memory of the key-value cache; 0 before the first block and when all songs are over."""
        return 0 if self._batch is None else self._batch.cache.nbytes

    def blocks(self) -> Iterator[SongBlock]:
        """Every song's blocks as they are made; a song that ends leaves the others to go on.

        Closing the iterator cancels: what was made stays in ``state``. Raises ``SongBloomError`` at the end where a
        song was over before its first block.
        """
        while (made := self.step()) is not None:
            yield from made
        empty = [str(index) for index, song in enumerate(self._songs) if not song.blocks and not song.left]
        if empty:
            raise SongBloomError(
                f"song {', '.join(empty)}: the model ended it before its first block: try another seed or more lyrics"
            )

    def step(self) -> list[SongBlock] | None:
        """The next block of every song; empty where all end in it without one, none where no song goes on."""
        batch = self._going_on()
        return None if batch is None else self._block(batch)

    @torch.no_grad()
    def _going_on(self) -> Batch | None:
        """The batch, less the songs that are over; none when all are."""
        if self._batch is None:
            live = [index for index, song in enumerate(self._songs) if song.goes_on()]
            if not live:
                return None
            guide = self._steps.guide([self._songs[index].task.condition for index in live], self._sampling)
            self._times = self._steps.embed_times(self._solver.times)
            self._batch = Batch.open(self._songs, live, self._steps, guide, self._halves)
        batch = self._batch
        going = [position for position, index in enumerate(batch.live) if self._songs[index].goes_on()]
        if going and len(going) < len(batch.live):
            batch.keep(torch.tensor(going, device=batch.row.device))
        return batch if going else None

    @torch.no_grad()
    def _block(self, batch: Batch) -> list[SongBlock]:
        """The next block of every song; songs that end in it give none and leave the batch."""
        steps = self._steps
        songs = [self._songs[index] for index in batch.live]
        place = batch.row.device
        uniforms = torch.stack([song.draws.uniforms(steps.block_size, batch.guide.uniforms) for song in songs])
        noise = torch.stack([song.draws.noise(steps.block_size, steps.latent_dim) for song in songs]).to(place)
        tokens, hidden, trail = self._sketch(batch, songs, uniforms.to(place))
        # The one host synchronisation of a block.
        ended = (tokens == steps.end_token).any(dim=1).tolist()
        if any(ended):
            for song, over in zip(songs, ended, strict=True):
                song.ending = "end" if over else song.ending
            kept = [position for position, over in enumerate(ended) if not over]
            if not kept:
                return []
            index = torch.tensor(kept, device=place)
            hidden = hidden[batch.keep(index)]
            tokens, noise = tokens[index], noise[index]
            trail = {name: values[index] for name, values in trail.items()}
            songs = [songs[position] for position in kept]
        latents = self._render(batch, hidden, tokens, noise)
        batch.row = steps.embed_block(latents).repeat(self._halves, 1)
        batch.previous = latents
        return [self._noted(batch, position, song, tokens, latents, trail) for position, song in enumerate(songs)]

    def _sketch(
        self, batch: Batch, songs: Sequence[SongInMaking], uniforms: Tensor
    ) -> tuple[Tensor, Tensor, GuideState]:
        """One block of tokens ``[N, block]``, the hidden state after it ``[R, dim]``, the guide's recorded states."""
        steps, count = self._steps, len(songs)
        held = [song.blocks * steps.block_size >= song.task.min_frames for song in songs]
        may_end = torch.tensor(held, device=batch.row.device)
        inside = max(song.task.prefix + song.blocks * (steps.block_size + 1) for song in songs)
        needed = inside + steps.block_size + 1
        context = min(batch.cache.capacity, -(-needed // CONTEXT_STEP) * CONTEXT_STEP)
        row, state = batch.row, batch.state
        tokens, states = [], []
        for frame in range(steps.block_size):
            extra = batch.guide.rows({name: value[:, None] for name, value in state.items()})
            if extra is not None:
                row = torch.cat((row[:count] + extra[:, 0].to(row), row[count:]))
            hidden = steps.lm_step(row, batch.cache, context)
            token, state = batch.guide.choose(hidden, state, uniforms[:, frame], may_end)
            tokens.append(token)
            states.append({name: state[name] for name in batch.guide.recorded})
            row = steps.embed_tokens(token).repeat(self._halves, 1)
        # The step on the last token predicts no token: its hidden state is the block's.
        hidden = steps.lm_step(row, batch.cache, context)
        batch.state = state
        trail = {name: torch.stack([past[name] for past in states], dim=1) for name in batch.guide.recorded}
        return torch.stack(tokens, dim=1), hidden, trail

    def _render(self, batch: Batch, hidden: Tensor, tokens: Tensor, noise: Tensor) -> Tensor:
        """Latents ``[N, block, D]``, float32."""
        steps, sampling, count = self._steps, self._sampling, len(batch.live)
        seen = torch.cat((batch.recent, tokens), dim=1)
        batch.recent = seen[:, steps.block_size :]
        condition = steps.render(hidden[:count], seen, batch.state)
        unconditional: RenderCondition | None = None
        if sampling.dit_guidance == "global" and hidden.shape[0] > count:
            unconditional = steps.render(hidden[count:], seen, batch.state)
        assert self._times is not None
        return render_block(
            steps.velocity,
            self._solver,
            self._times,
            noise,
            batch.previous,
            condition,
            sampling.dit_guidance,
            sampling.cfg_diff,
            unconditional,
            (sampling.guidance_from, sampling.guidance_until),
        )

    def _noted(
        self, batch: Batch, position: int, song: SongInMaking, tokens: Tensor, latents: Tensor, trail: GuideState
    ) -> SongBlock:
        """Append the block at ``position`` of the batch to its song."""
        block = SongBlock(batch.live[position], song.blocks, tokens[position], latents[position].T)
        song.tokens.append(block.tokens)
        song.latents.append(block.latents)
        song.trail.append({name: values[position] for name, values in trail.items()})
        song.guide = {name: values[position] for name, values in batch.state.items()}
        song.blocks += 1
        return block


def generate_blocks(steps: Steps, tasks: Sequence[SongTask], sampling: SamplingConfig) -> Iterator[SongBlock]:
    """The blocks of all songs as they are made; see ``Generation``, which also gives the state between them."""
    return Generation(steps, tasks, sampling).blocks()
