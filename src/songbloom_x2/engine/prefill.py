"""The rows of what songs already have, for an empty cache: prefix, BOS, and every block that is made."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from songbloom_x2.engine.state import SongState
from songbloom_x2.engine.task import SongTask
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.sketch.guide import SketchGuide
from songbloom_x2.steps import Steps


def prefill(steps: Steps, tasks: Sequence[SongTask], guide: SketchGuide, cache: KVCache, halves: int) -> Tensor:
    """Fill ``cache`` with all rows but the last of each song; the last ``[R, dim]`` is the LM's next input.

    ``halves`` is 2 where the unconditional branch runs too: its rows follow the conditional ones.
    """
    made = [made_rows(steps, task.state) for task in tasks]
    added = added_rows(steps, tasks, guide)
    sequences = []
    for half in range(halves):
        for task, rows, extra in zip(tasks, made, added, strict=True):
            prefix = task.condition.unconditional if half else task.condition.prefix
            body = rows[:-1] if half or extra is None else rows[:-1] + extra
            sequences.append(torch.cat((prefix.to(steps.bos), body)))
    lengths = torch.tensor([len(rows) for rows in sequences], device=steps.bos.device)
    steps.prefill(pad_sequence(sequences, batch_first=True), lengths, cache)
    return torch.stack([rows[-1] for rows in made]).repeat(halves, 1)


def made_rows(steps: Steps, state: SongState | None) -> Tensor:
    """BOS and the blocks, each closed by its embedding: ``[1 + blocks * (block_size + 1), dim]``."""
    bos = steps.bos[None]
    if state is None or not state.frames:
        return bos
    blocks = state.frames // steps.block_size
    tokens = steps.embed_tokens(state.tokens.view(blocks, steps.block_size).to(bos.device))
    latents = state.latents.T.reshape(blocks, steps.block_size, steps.latent_dim)
    closing = steps.embed_block(latents.to(bos.device))[:, None]
    return torch.cat((bos, torch.cat((tokens, closing), dim=1).flatten(0, 1)))


def added_rows(steps: Steps, tasks: Sequence[SongTask], guide: SketchGuide) -> list[Tensor | None]:
    """What the guide added to all rows but the last, ``[blocks * (block_size + 1), dim]`` a song."""
    if not guide.recorded:
        return [None] * len(tasks)
    added: list[Tensor | None] = []
    for index, task in enumerate(tasks):
        if task.state is None or not task.state.frames:
            added.append(None)
            continue
        frames = task.state.frames
        place = steps.bos.device
        own = guide.keep(torch.tensor([index], device=place))
        trail = {name: values[None, :frames].to(place) for name, values in task.state.trail.items()}
        rows = own.rows(trail)
        assert rows is not None, "a guide that records its state adds rows"
        # The row that predicts frame k; a block's last token predicts none and has nothing added.
        frame = torch.arange(frames, device=place)
        out = rows.new_zeros(frames // steps.block_size * (steps.block_size + 1), rows.shape[-1])
        added.append(out.index_copy(0, frame + frame // steps.block_size, rows[0]).to(steps.bos))
    return added
