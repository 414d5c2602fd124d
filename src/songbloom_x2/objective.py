"""What the released kind of model is trained for: cross-entropy on the sketch + 0.1 x flow matching on the blocks.

Format page, "Training objective". Random numbers come from the caller's generator, on the CPU, so that a step can be
repeated. The embedded model, whose sketch is aligned, has objectives of its own in ``train``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS
from songbloom_x2.diffusion.flow import flow_loss, logit_normal_times, path
from songbloom_x2.song_model import SongModel

FLOW_WEIGHT = 0.1
NO_TARGET = -100


@dataclass(frozen=True)
class TrainingBatch:
    """``B`` songs, or beginnings of songs, padded to the longest in whole blocks.

    ``lyrics`` symbol ids; ``prompts`` latents ``[D, P]`` or none; ``tokens`` int64 ``[B, T]``; ``latents`` float32
    ``[B, T, D]``; ``blocks`` int64 ``[B]``: how many blocks are real; ``ends`` bool ``[B]``: the song is over there.
    """

    lyrics: Sequence[Sequence[int]]
    prompts: Sequence[Tensor | None]
    tokens: Tensor
    latents: Tensor
    blocks: Tensor
    ends: Tensor


@dataclass(frozen=True)
class Losses:
    """Scalars; ``total`` is what is minimised."""

    total: Tensor
    sketch: Tensor
    flow: Tensor


def training_losses(
    model: SongModel, batch: TrainingBatch, generator: torch.Generator, flow_blocks: int | None = None
) -> Losses:
    """One forward pass. In evaluation mode nothing is dropped.

    ``flow_blocks``: render only so many blocks of the batch, drawn at random (none: all), where memory is short.
    """
    config, place = model.config, model.sketch.bos.device
    count = batch.tokens.shape[1] // config.block_size
    songs = len(batch.lyrics)
    latents = batch.latents.to(place).reshape(songs, count, config.block_size, config.latent_dim)
    tokens = batch.tokens.to(place).reshape(songs, count, config.block_size)
    embedded = model.sketch.embedding(tokens)
    hidden = _hidden(model, _prefix(model, batch, generator), embedded, latents)
    targets = sketch_targets(batch, config.block_size, model.sketch.end_token).to(place)
    logits = model.sketch.logits(hidden).float()
    sketch = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET)
    # A block's hidden state is the one after its last token.
    closing = hidden[:, config.block_size :: config.block_size + 1]
    flow = _flow(model, closing, tokens, latents, _chosen(batch, generator, flow_blocks), generator)
    return Losses(sketch + FLOW_WEIGHT * flow, sketch, flow)


def sketch_targets(batch: TrainingBatch, block_size: int, end_token: int) -> Tensor:
    """What each LM position predicts, int64 ``[B, 1 + blocks * (block_size + 1)]``; ``NO_TARGET``: nothing.

    BOS and every closed block predict the next block's first token, a block's last token nothing; EOS stands only
    after the last whole block of a song that ends.
    """
    songs, frames = batch.tokens.shape
    count = frames // block_size
    number = torch.arange(count)
    tokens = batch.tokens.cpu().reshape(songs, count, block_size)
    tokens = torch.where((number < batch.blocks.cpu()[:, None])[..., None], tokens, NO_TARGET)
    nothing = torch.full((songs, 1), NO_TARGET)
    following = torch.cat((tokens[:, 1:, 0], nothing), dim=1)
    is_end = (number + 1 == batch.blocks.cpu()[:, None]) & batch.ends.cpu()[:, None]
    following = torch.where(is_end, end_token, following)
    inside = torch.cat((tokens[:, :, 1:], nothing[:, None].expand(songs, count, 1), following[..., None]), dim=2)
    return torch.cat((tokens[:, 0, :1], inside.flatten(1)), dim=1)


def _prefix(model: SongModel, batch: TrainingBatch, generator: torch.Generator) -> Tensor:
    config, songs = model.config, len(batch.lyrics)
    if not model.training:
        return model.prefix(batch.lyrics, batch.prompts)
    without_all = (torch.rand(songs, generator=generator) < config.cfg_dropout).tolist()
    without_prompt = (torch.rand(songs, generator=generator) < config.prompt_dropout).tolist()
    lyrics = [EMPTY_LYRICS if gone else ids for ids, gone in zip(batch.lyrics, without_all, strict=True)]
    prompts = [
        None if gone or alone else prompt
        for prompt, gone, alone in zip(batch.prompts, without_all, without_prompt, strict=True)
    ]
    return model.prefix(lyrics, prompts)


def _hidden(model: SongModel, prefix: Tensor, embedded: Tensor, latents: Tensor) -> Tensor:
    """Hidden states from BOS on, ``[B, 1 + blocks * (block_size + 1), dim]``."""
    closing = model.embed_block(latents)[:, :, None]
    body = torch.cat((embedded, closing), dim=2).flatten(1, 2)
    bos = model.sketch.bos.expand(len(prefix), 1, -1)
    hidden: Tensor = model.sketch(torch.cat((prefix, bos, body), dim=1))
    return hidden[:, prefix.shape[1] :]


def _chosen(batch: TrainingBatch, generator: torch.Generator, most: int | None) -> Tensor:
    """The blocks to render: song and block number, int64 ``[2, n]``."""
    count = int(batch.blocks.max())
    real = (torch.arange(count) < batch.blocks.cpu()[:, None]).nonzero().T
    if most is None or real.shape[1] <= most:
        return real
    return real[:, torch.randperm(real.shape[1], generator=generator)[:most]]


def _flow(
    model: SongModel, hidden: Tensor, tokens: Tensor, latents: Tensor, chosen: Tensor, generator: torch.Generator
) -> Tensor:
    """Mean flow-matching error of the chosen blocks; ``hidden [B, blocks, dim]``, ``tokens [B, blocks, block]``."""
    config, place = model.config, hidden.device
    songs, numbers = chosen.to(place)
    data = latents[songs, numbers]
    first = (numbers == 0)[:, None]
    previous = torch.where(first[..., None], 0.0, latents[songs, (numbers - 1).clamp(min=0)])
    now = tokens[songs, numbers]
    if model.dit.sketch_rows > config.block_size:
        before = torch.where(first, model.sketch.ignore_token, tokens[songs, (numbers - 1).clamp(min=0)])
        now = torch.cat((before, now), dim=1)
    condition = model.render_condition(hidden[songs, numbers], now, {})
    rows, sketch = condition.hidden, condition.sketch
    if model.training:
        dropped = (torch.rand(2, len(data), generator=generator) < config.h_dropout).to(place)
        rows = rows.masked_fill(dropped[0, :, None], 0)
        sketch = sketch.masked_fill(dropped[1, :, None, None], 0)
    t = logit_normal_times(len(data), generator).to(place)
    noise = torch.randn(data.shape, generator=generator).to(place)
    objective = config.diffusion_objective
    predicted = model.dit(path(data, noise, t, objective), t, rows, sketch, previous)
    return flow_loss(predicted, data, noise, t, objective).mean()
