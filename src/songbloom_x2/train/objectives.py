"""What the embedded model's two halves are trained for: the sketch LM on aligned decisions, the renderer on blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.diffusion.flow import flow_loss, logit_normal_times, path
from songbloom_x2.song_model import SongModel
from songbloom_x2.train.songs import RenderBatch, SketchBatch, Songs

CHANGE_WEIGHT = 3.0
"""Weight of a pitch where a note or phoneme begins, against 1 where it is held."""
VALIDATION_SEED = 987_654


def _autocast(enabled: bool) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled)


def sketch_losses(model: SongModel, batch: SketchBatch, generator: torch.Generator, train: bool) -> dict[str, Tensor]:
    """Cross-entropies of decision, pitch and chord over whole songs."""
    alignment = model.alignment
    assert alignment is not None
    block = model.config.block_size
    size, steps = batch.decision.shape
    latents = batch.latents
    if train:
        # Generated latents are never as clean as the corpus's: the LM must not lean on them.
        strength = torch.rand(size, 1, 1, generator=generator) * 0.5
        latents = latents + strength * torch.randn(latents.shape, generator=generator)
        latents = latents * (torch.rand(size, 1, 1, generator=generator) > 0.3)
    extra = alignment.rows(batch.state, batch.profile, batch.score)
    blocks = (steps - 1) // block
    token_rows = model.sketch.embedding(batch.tokens).view(size, blocks, block, -1)
    closing = model.block_embedding(latents.reshape(size, blocks, -1)).unsqueeze(2)
    opening = model.sketch.bos.expand(size, 1, -1)
    body = torch.cat([token_rows, closing], 2).flatten(1, 2)
    body = torch.cat([opening, body], 1)
    # Position 17 k + j predicts frame 16 k + j; the position after a block's last token predicts nothing.
    places = torch.arange(steps)
    places = places + places // block
    body = body.index_add(1, places, extra.to(body.dtype))
    prefixes = [
        torch.cat([model.prompt.project(prompt), model.lyrics([ids])[0]])
        for prompt, ids in zip(batch.prompts, batch.ids, strict=True)
    ]
    rows = torch.nn.utils.rnn.pad_sequence(
        [torch.cat([prefix, song]) for prefix, song in zip(prefixes, body, strict=True)], batch_first=True
    )
    hidden = model.sketch(rows)
    index = torch.tensor([len(prefix) for prefix in prefixes]).unsqueeze(1) + places
    hidden = hidden.gather(1, index.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
    decision, pitch, chord = alignment.split(hidden)
    decision = decision.masked_fill(~alignment.legal(batch.state, batch.score), -1e9)
    weight = torch.where((batch.decision == 1) | (batch.pitch != batch.state.pitch), CHANGE_WEIGHT, 1.0)
    sung = batch.pitch >= 0
    pitch_loss = F.cross_entropy(pitch[sung], batch.pitch[sung], reduction="none")
    return {
        "decision": F.cross_entropy(decision.flatten(0, 1), batch.decision.flatten(), ignore_index=-100),
        "pitch": (pitch_loss * weight[sung]).sum() / weight[sung].sum().clamp(min=1),
        "chord": F.cross_entropy(chord.flatten(0, 1), batch.chord.flatten(), ignore_index=-100),
    }


class SketchSongs(Protocol):
    """Where the sketch LM's batches come from: ``songs.Songs``, or ``symbolic.SymbolicSongs``."""

    def sketch_batch(self, seed: int, step: int, size: int) -> SketchBatch:
        """Whole songs, chosen by (seed, step)."""
        ...


class SketchObjective:
    """The sketch LM with its alignment, lyrics and prompt conditioners."""

    def __init__(
        self, model: SongModel, songs: SketchSongs, held_out: Songs, batch: int, seed: int, bfloat16: bool
    ) -> None:
        """``batch`` songs a step."""
        self.model, self.songs, self.held_out = model, songs, held_out
        self.batch, self.seed, self.bfloat16 = batch, seed, bfloat16

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        batch = self.songs.sketch_batch(self.seed, step, self.batch)
        with _autocast(self.bfloat16):
            losses = sketch_losses(self.model, batch, generator, train=True)
        total = losses["decision"] + 0.3 * losses["pitch"] + 0.05 * losses["chord"]
        return total, {name: float(value.detach()) for name, value in losses.items()}

    def validate(self) -> Mapping[str, float]:
        """Mean losses over the held-out songs."""
        sums: dict[str, float] = {}
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        count = max(1, min(6, len(self.held_out) // self.batch))
        for step in range(count):
            batch = self.held_out.sketch_batch(VALIDATION_SEED, step, self.batch)
            with _autocast(self.bfloat16):
                for name, value in sketch_losses(self.model, batch, generator, train=False).items():
                    sums[name] = sums.get(name, 0.0) + float(value) / count
        return sums


def render_losses(
    model: SongModel, batch: RenderBatch, weights: Tensor, generator: torch.Generator, train: bool
) -> dict[str, Tensor]:
    """Weighted flow matching and the prior's regression over blocks; ``weights`` ``[D]``."""
    prior = model.prior
    assert prior is not None
    config = model.config
    size = len(batch.latents)
    means, rows, style = prior(batch.window, batch.statistics, config.block_size)
    noise = torch.randn(batch.latents.shape, generator=generator)
    t = logit_normal_times(size, generator)
    noisy = path(batch.latents, noise, t, config.diffusion_objective)
    previous = batch.previous
    if train:
        strength = torch.rand(size, 1, 1, generator=generator) * 0.4
        previous = previous + strength * torch.randn(previous.shape, generator=generator) * (previous != 0)
        together = torch.rand(size, generator=generator) < config.cfg_dropout
        drop_style = together | (torch.rand(size, generator=generator) < config.h_dropout)
        drop_rows = together | (torch.rand(size, generator=generator) < config.h_dropout)
        style = style.masked_fill(drop_style[:, None], 0)
        rows = rows.masked_fill(drop_rows[:, None, None], 0)
    velocity = model.dit(noisy, t, style, rows, previous)
    element = flow_loss(velocity, batch.latents, noise, t, config.diffusion_objective)
    regression = (means.float() - batch.latents).abs()
    return {"flow": (element * weights).mean(), "prior": (regression * weights).mean()}


class BlockObjective(ABC):
    """What is learned from single blocks of songs."""

    def __init__(
        self, model: SongModel, songs: Songs, held_out: Songs, weights: Tensor, batch: int, seed: int, bfloat16: bool
    ) -> None:
        """``batch`` blocks a step; ``weights`` ``[D]`` of the latent dimensions."""
        self.model, self.songs, self.held_out, self.weights = model, songs, held_out, weights
        self.batch, self.seed, self.bfloat16 = batch, seed, bfloat16

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        losses = self._losses(self.songs.render_batch(self.seed, step, self.batch), generator, train=True)
        return self._total(losses), {name: float(value.detach()) for name, value in losses.items()}

    def validate(self) -> Mapping[str, float]:
        """Mean losses over blocks of the held-out songs."""
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        sums: dict[str, float] = {}
        count = 6
        for step in range(count):
            batch = self.held_out.render_batch(VALIDATION_SEED, step, 64)
            for name, value in self._losses(batch, generator, train=False).items():
                sums[name] = sums.get(name, 0.0) + float(value) / count
        return sums

    @abstractmethod
    def _losses(self, batch: RenderBatch, generator: torch.Generator, *, train: bool) -> dict[str, Tensor]:
        """Scalars by name."""

    @abstractmethod
    def _total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """What is minimised."""


class RegressionObjective(BlockObjective):
    """The prior's means alone: a third of the renderer's arithmetic, so that it sees more songs in the same time."""

    def _losses(self, batch: RenderBatch, generator: torch.Generator, *, train: bool) -> dict[str, Tensor]:
        prior = self.model.prior
        assert prior is not None
        with _autocast(self.bfloat16):
            means, _, _ = prior(batch.window, batch.statistics, self.model.config.block_size)
        # NaN where a song has no band: its means are free.
        known = ~batch.latents.isnan()
        weighted = (means.float() - batch.latents.nan_to_num()).abs() * self.weights * known
        width = self.songs.codec.voice_dim
        found = {
            name: weighted[..., part].sum() / known[..., part].sum().clamp(min=1)
            for name, part in (("voice", slice(0, width)), ("band", slice(width, None)))
        }
        share = width / self.weights.numel()
        return {"prior": share * found["voice"] + (1 - share) * found["band"], **found}

    def _total(self, losses: Mapping[str, Tensor]) -> Tensor:
        return losses["prior"]


class RenderObjective(BlockObjective):
    """The DiT and its regression prior."""

    def _losses(self, batch: RenderBatch, generator: torch.Generator, *, train: bool) -> dict[str, Tensor]:
        with _autocast(self.bfloat16):
            return render_losses(self.model, batch, self.weights, generator, train)

    def _total(self, losses: Mapping[str, Tensor]) -> Tensor:
        return losses["flow"] + 0.5 * losses["prior"]
