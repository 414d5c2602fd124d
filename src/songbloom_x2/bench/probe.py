"""Whether both sides compute the same: their outputs on the same weights and inputs, in float32."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from songbloom_x2.bench.sizes import read_model
from songbloom_x2.config import SongConfig

ROWS = 850
"""Conditioning rows, as in ``peer_program.py``, whose inputs these are."""


@torch.no_grad()
def compare(config: SongConfig, weights: Path, peer_outputs: Path) -> dict[str, float]:
    """Largest difference of every output, relative to the largest value of it."""
    model = read_model(config, weights)
    generator = torch.Generator().manual_seed(0)
    prefix = torch.stack([torch.randn(ROWS, config.dim, generator=generator) for _ in range(2)])
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    row, second = (draw(1, 1, config.dim).repeat(2, 1, 1) for _ in range(2))
    cache = model.sketch.new_cache(2, ROWS + 2)
    model.sketch(prefix, cache, ROWS)
    ours = {"first_hidden": model.sketch(row, cache), "second_hidden": model.sketch(second, cache)}
    block, width, dim = config.block_size, config.latent_dim, config.dim
    noisy, hidden, sketch, previous = draw(1, block, width), draw(1, dim), draw(1, block, dim), draw(1, block, width)
    halves = model.dit(
        noisy.repeat(2, 1, 1),
        torch.full((2,), 0.5),
        torch.cat((hidden, torch.zeros_like(hidden))),
        torch.cat((sketch, torch.zeros_like(sketch))),
        previous.repeat(2, 1, 1),
    )
    guided, silent = halves.chunk(2)
    ours["velocity"] = silent + (guided - silent) * 1.5
    theirs = load_file(peer_outputs)
    return {name: float((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max()) for name in ours}
