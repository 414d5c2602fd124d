"""The models that are measured: the embedded one with its weights, and two of the released shape with random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file

from songbloom_x2.checkpoints.assemble import assemble
from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SamplingConfig, SongConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.song_model import SongModel

Size = Literal["embedded", "small", "full"]
RANDOM: tuple[Size, ...] = ("small", "full")
"""Sizes whose weights are drawn: nothing they make can be listened to."""

_SHAPES = {"small": (768, 12, 18, 6), "full": (1536, 24, 36, 12)}
"""Width, heads, layers of the LM, layers of the DiT; ``full`` is the released 2B model's."""


def random_config(size: Size) -> SongConfig:
    """The released shape in this size, drawn with the released settings."""
    if size not in _SHAPES:
        raise ConfigError(f"size '{size}' is not one of random weights; those are {', '.join(RANDOM)}")
    dim, heads, lm_layers, diff_layers = _SHAPES[size]
    return SongConfig(
        name=f"random-{size}",
        lyrics=LyricsConfig(("", "[verse]", ",", ".", "AA1")),
        prompt=PromptConfig(),
        codec=OobleckConfig(),
        sampling=SamplingConfig(top_k=200),
        dim=dim,
        num_heads=heads,
        lm_layers=lm_layers,
        diff_layers=diff_layers,
    )


def write_weights(config: SongConfig, file: Path, seed: int = 0) -> None:
    """Random weights of everything but the codec, float32, under our own names. Always the same for one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SongModel(config, codec=None)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)


def read_model(config: SongConfig, file: Path) -> SongModel:
    """The model of ``write_weights``, without a codec, its parameters views of the mapped file."""
    return assemble(config, load_file(file), file.name, codec=None).requires_grad_(False)
