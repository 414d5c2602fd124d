"""A song made the slow way: no cache, no batch, everything recomputed for every token, plain loops.

Written from the format page, apart from the engine, so that the two can be held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SamplingConfig, SongConfig
from songbloom_x2.engine import Draws, SeededDraws
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition

VOCABULARY = ("", "[verse]", "[chorus]", ",", ".", "A", "B", "C", "D")


def tiny_config(**changes: Any) -> SongConfig:
    settings: dict[str, Any] = {
        "name": "tiny",
        "lyrics": LyricsConfig(VOCABULARY, max_len=12),
        "prompt": PromptConfig(max_len=6),
        "codec": OobleckConfig(),
        "block_size": 4,
        "latent_dim": 3,
        "dim": 32,
        "num_heads": 2,
        "hidden_scale": 2,
        "lm_layers": 2,
        "diff_layers": 2,
        "num_pitch": 11,
        "timestep_features_dim": 8,
        "max_frames": 24,
        "init_std": 0.15,
    }
    return SongConfig(**(settings | changes))


def random_model(seed: int = 0, end_bias: float = -3.0, **changes: Any) -> SongModel:
    """Random weights; ``end_bias`` makes EOS rarer or more likely."""
    torch.manual_seed(seed)
    model = SongModel(tiny_config(**changes), codec=None).eval().requires_grad_(False)
    # Latents of the size of noise: larger ones make every rounding error grow from block to block.
    model.dit.latent_out.weight *= 0.3
    model.sketch.classifier[2].bias[model.sketch.end_token] = end_bias
    return model


@dataclass(frozen=True)
class SlowSong:
    tokens: Tensor
    latents: Tensor
    ending: str


class SlowReference:
    """One song, conditional and unconditional branch apart."""

    def __init__(self, model: SongModel, condition: SongCondition, sampling: SamplingConfig, draws: Draws) -> None:
        self.model, self.condition, self.sampling, self.draws = model, condition, sampling, draws
        self.config = model.config
        self.tokens: list[int] = []
        self.blocks: list[Tensor] = []

    def make(self, max_frames: int, min_frames: int = 0) -> SlowSong:
        size = self.config.block_size
        ending = "length"
        while 1 + len(self.blocks) * (size + 1) <= max_frames / size * (size + 1):
            uniforms = self.draws.uniforms(size, 1)
            noise = self.draws.noise(size, self.config.latent_dim)
            running: list[int] = []
            for frame in range(size):
                logits = self.logits(running)
                if len(self.tokens) < min_frames:
                    logits[-1] = -math.inf
                running.append(self.pick(logits, float(uniforms[frame, 0])))
            if self.model.sketch.end_token in running:
                ending = "end"
                break
            latents = self.render(running, noise)
            self.tokens += running
            self.blocks.append(latents)
        latents = torch.cat(self.blocks).T if self.blocks else torch.zeros(self.config.latent_dim, 0)
        return SlowSong(torch.tensor(self.tokens, dtype=torch.int64), latents, ending)

    def hidden(self, prefix: Tensor, running: list[int]) -> Tensor:
        """The last hidden state after the prefix, BOS, all blocks and the running tokens."""
        size, sketch = self.config.block_size, self.model.sketch
        rows = [prefix, sketch.bos[None]]
        for number, latents in enumerate(self.blocks):
            rows.append(sketch.embedding.weight[self.tokens[number * size : (number + 1) * size]])
            rows.append(self.model.block_embedding(latents.reshape(1, -1)))
        rows.append(sketch.embedding.weight[running])
        out: Tensor = sketch(torch.cat(rows)[None])[0, -1]
        return out

    def logits(self, running: list[int]) -> Tensor:
        conditional = self.model.sketch.logits(self.hidden(self.condition.prefix, running))
        unconditional = self.model.sketch.logits(self.hidden(self.condition.unconditional, running))
        logits = unconditional + self.sampling.cfg_lm * (conditional - unconditional)
        if self.sampling.penalty_repeat and self.tokens:
            for token in set((self.tokens + running)[-self.sampling.penalty_window :]):
                logits[token] /= self.sampling.penalty
        return logits

    def pick(self, logits: Tensor, uniform: float) -> int:
        sampling = self.sampling
        if not sampling.use_sampling or sampling.temperature <= 0:
            return int(logits.argmax())
        weights = torch.softmax(logits.double() / sampling.temperature, 0).tolist()
        order = sorted(range(len(weights)), key=lambda token: -weights[token])
        if sampling.top_p > 0:
            kept, mass = set(), 0.0
            for token in order:
                if mass > sampling.top_p:
                    break
                kept.add(token)
                mass += weights[token]
        elif sampling.top_k > 0:
            least = weights[order[min(sampling.top_k, len(order)) - 1]]
            kept = {token for token in order if weights[token] >= least}
        else:
            kept = set(order)
        goal = uniform * sum(weights[token] for token in kept)
        passed = 0.0
        for token in range(len(weights)):
            if token in kept:
                passed += weights[token]
                if passed > goal:
                    return token
        raise AssertionError("the uniform number is below 1")

    def render(self, running: list[int], noise: Tensor) -> Tensor:
        size, sketch = self.config.block_size, self.model.sketch
        previous = self.blocks[-1] if self.blocks else torch.zeros(size, self.config.latent_dim)
        seen = running
        if self.config.sketch_fusion == "add":
            seen = (self.tokens[-size:] or [sketch.ignore_token] * size) + running
        rows = sketch.embedding.weight[seen][None]
        hidden = self.hidden(self.condition.prefix, running)[None]
        other = self.hidden(self.condition.unconditional, running)[None]
        factor = self.sampling.cfg_diff

        def velocity(x: Tensor, t: float, h: Tensor, s: Tensor) -> Tensor:
            found: Tensor = self.model.dit(x[None], torch.tensor([t]), h, s, previous[None])[0]
            return found

        def guided(x: Tensor, t: float) -> Tensor:
            conditional = velocity(x, t, hidden, rows)
            silent = velocity(x, t, torch.zeros_like(hidden), torch.zeros_like(rows))
            return silent + factor * (conditional - silent)

        if self.sampling.dit_guidance == "h":
            return self.solve(guided, noise)
        conditional = self.solve(lambda x, t: velocity(x, t, hidden, rows), noise)
        if self.sampling.dit_guidance == "none":
            return conditional
        unconditional = self.solve(lambda x, t: velocity(x, t, other, rows), noise)
        return unconditional + factor * (conditional - unconditional)

    def solve(self, velocity: Callable[[Tensor, float], Tensor], noise: Tensor) -> Tensor:
        steps = self.sampling.steps
        if self.config.diffusion_objective == "v":
            x = noise
            for step in range(steps):
                angle, following = ((1 - at / steps) * math.pi / 2 for at in (step, step + 1))
                v = velocity(x, 1 - step / steps)
                data = math.cos(angle) * x - math.sin(angle) * v
                residue = math.sin(angle) * x + math.cos(angle) * v
                x = math.cos(following) * data + math.sin(following) * residue
            return x
        cold = self.sampling.diff_temperature < 1
        x = torch.zeros_like(noise) if cold else noise
        for step in range(steps):
            t, following = 1 - step / steps, 1 - (step + 1) / steps
            v = velocity(x, t)
            if cold and t > self.sampling.diff_temperature >= following:
                x = (1 - following) * (x - v) + following * noise
            else:
                x = x + (following - t) * v
        return x


@pytest.fixture
def tiny_model() -> Callable[..., SongModel]:
    return random_model


@pytest.fixture
def slow_song() -> Callable[..., SlowSong]:
    def make(
        model: SongModel, condition: SongCondition, sampling: SamplingConfig, seed: int, **limits: int
    ) -> SlowSong:
        return SlowReference(model, condition, sampling, SeededDraws(seed)).make(**limits)

    return make
