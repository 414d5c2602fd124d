"""One song from an exported model, block by block: the loop of ``engine`` for a single song, in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS, lyric_table
from songbloom_x2.config import SamplingConfig
from songbloom_x2.onnx_runtime.cache import KvCache
from songbloom_x2.onnx_runtime.draws import Draws
from songbloom_x2.onnx_runtime.folder import ExportFolder, GraphStyle
from songbloom_x2.onnx_runtime.graphs import Graphs, finite
from songbloom_x2.onnx_runtime.guides import AlignedGuide, FreeGuide, Guide
from songbloom_x2.onnx_runtime.solver import solve

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SongTask:
    """One song to make: symbol ids of its lyric rows, style, settings, limits in frames."""

    ids: tuple[int, ...]
    style: GraphStyle | None
    sampling: SamplingConfig
    max_frames: int
    min_frames: int = 0


@dataclass(frozen=True)
class Block:
    """``tokens [block]`` int64 and ``latents [D, block]`` float32."""

    tokens: Array
    latents: Array


def song_blocks(graphs: Graphs, folder: ExportFolder, task: SongTask, draws: Draws) -> Iterator[Block]:
    """The song's blocks as they are made; it ends when the model says so, or when it is as long as it may be."""
    making = _Making(graphs, folder, task)
    config = folder.config
    blocks, longest = 0, task.max_frames / config.block_size * (config.block_size + 1)
    # As released: a song can be up to one block longer than asked (``engine.task.most_blocks``).
    while 1 + blocks * (config.block_size + 1) <= longest:
        uniforms = draws.uniforms(config.block_size, making.guide.uniforms)
        noise = draws.noise(config.block_size, config.latent_dim)
        block = making.block(uniforms, noise, blocks * config.block_size >= task.min_frames)
        if block is None:
            return
        yield block
        blocks += 1


class _Making:
    """The state of one song."""

    def __init__(self, graphs: Graphs, folder: ExportFolder, task: SongTask) -> None:
        config, sampling = folder.config, task.sampling
        self._graphs, self._config, self._sampling = graphs, config, sampling
        self.guide: Guide = (
            FreeGuide(graphs, config, sampling)
            if config.alignment is None
            else AlignedGuide(graphs, folder, task.ids, task.style, sampling)
        )
        self._global = sampling.dit_guidance == "global" and sampling.cfg_diff != 1
        self._halves = 2 if self._global or sampling.cfg_lm != 1 else 1
        heads = config.num_heads
        self._cache = KvCache(config.lm_layers, self._halves, heads, config.dim // heads)
        self._fill(task)
        self._row = np.repeat(folder.bos[None], self._halves, axis=0)
        rows_wanted = config.block_size * (1 if config.sketch_fusion == "rows" else 2)
        self._recent = [config.num_pitch + 1] * (rows_wanted - config.block_size)
        self._previous = np.zeros((1, config.block_size, config.latent_dim), np.float32)

    def block(self, uniforms: Array, noise: Array, may_end: bool) -> Block | None:
        """The next block; none where the song ends in it."""
        config = self._config
        tokens: list[int] = []
        row = self._row
        for frame in range(config.block_size):
            extra = self.guide.rows()
            if extra is not None:
                row = np.concatenate([row[:1] + extra, row[1:]])
            token = self.guide.choose(self._step(row), uniforms[frame], may_end)
            tokens.append(token)
            row = np.repeat(self._graphs.run("embed", {"input": np.asarray([token])})[0], self._halves, axis=0)
        hidden = self._step(row)
        if config.num_pitch in tokens:
            return None
        seen = [*self._recent, *tokens]
        self._recent = seen[config.block_size :]
        latents = finite("velocity", self._rendered(hidden, seen, noise[None]))
        self._previous = latents
        closing = self._graphs.run("embed_block", {"latents": latents})[0]
        self._row = np.repeat(closing, self._halves, axis=0)
        return Block(np.asarray(tokens, np.int64), np.ascontiguousarray(latents[0].T))

    def _rendered(self, hidden: Array, tokens: Sequence[int], noise: Array) -> Array:
        """Latents ``[1, block, D]``."""
        sampling = self._sampling
        told = self.guide.render(hidden[:1], tokens)
        row, sketch = told.row, told.rows
        guided = sampling.dit_guidance != "none" and sampling.cfg_diff != 1
        if guided and self._global:
            other = self.guide.render(hidden[1:], tokens)
            row, sketch = np.concatenate([row, other.row]), np.concatenate([sketch, other.rows])
        elif guided:
            row, sketch = (np.concatenate([part, np.zeros_like(part)]) for part in (row, sketch))
        previous = np.repeat(self._previous, len(row), axis=0)

        def velocity(x: Array, t: float) -> Array:
            halves = x if len(x) == len(row) else np.repeat(x, len(row), axis=0)
            times = np.full(len(row), t, np.float32)
            inputs = {"noisy": halves, "t": times, "hidden": row, "sketch": sketch, "previous": previous}
            v = self._graphs.run("velocity", inputs)[0]
            return v if len(v) == len(x) else self._combined(v)

        start = np.repeat(noise, len(row), axis=0) if self._global else noise
        objective, temperature = self._config.diffusion_objective, sampling.diff_temperature
        latents = solve(velocity, start, objective, sampling.steps, temperature)
        if len(latents) > 1:
            latents = self._combined(latents)
        return told.settled(latents)

    def _combined(self, halves: Array) -> Array:
        conditional, unconditional = halves[:1], halves[1:]
        return np.asarray(unconditional + (conditional - unconditional) * np.float32(self._sampling.cfg_diff))

    def _step(self, row: Array) -> Array:
        """The LM's hidden states ``[R, dim]`` after one more row of each branch."""
        hidden = self._run(row[:, None], np.ones(len(row), np.int64))
        return np.asarray(hidden[:, 0])

    def _run(self, rows: Array, lengths: Array) -> Array:
        cache = self._cache
        inputs = {"rows": rows, "keys": cache.keys, "values": cache.values, "position": cache.position}
        hidden, keys, values = self._graphs.run("lm", inputs)
        cache.append(keys, values, lengths)
        return hidden

    def _fill(self, task: SongTask) -> None:
        """The prefix of each branch into the cache."""
        branches = [self._prefix(task.ids, None if task.style is None else task.style.latents)]
        if self._halves == 2:
            branches.append(self._prefix(EMPTY_LYRICS, None))
        longest = max(len(rows) for rows in branches)
        padded = np.zeros((len(branches), longest, self._config.dim), np.float32)
        for rows, place in zip(branches, padded, strict=True):
            place[: len(rows)] = rows
        self._run(padded, np.asarray([len(rows) for rows in branches], np.int64))

    def _prefix(self, ids: Sequence[int], latents: Array | None) -> Array:
        """The rows in front of the sketch, ``[P, dim]``."""
        lyrics, prompt = self._config.lyrics, self._config.prompt
        rows = lyric_table(ids, lyrics)
        length = lyrics.max_len if lyrics.pad else len(rows)
        tables = np.zeros((3, 1, length), np.int64)
        for index, row in enumerate(rows):
            tables[:, 0, index] = row.symbol, row.structure, row.sentence
        frames = np.zeros((1, prompt.max_len, self._config.latent_dim), np.float32)
        if latents is not None:
            kept = latents[:, : prompt.max_len].T
            frames[0, : len(kept)] = kept
        symbol, structure, sentence = tables
        used = np.arange(length)[None] < len(rows)
        inputs = {"symbol": symbol, "structure": structure, "sentence": sentence, "used": used, "prompt": frames}
        return np.asarray(self._graphs.run("prefix", inputs)[0][0])
