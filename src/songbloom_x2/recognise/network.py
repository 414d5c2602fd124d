"""The recogniser's network: dilated convolutions over feature rows, and a head for each part of a sketch token."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from songbloom_x2.config import SketchLayout
from songbloom_x2.recognise.features import SIZE


@dataclass(frozen=True)
class RecogniserConfig:
    """Its shape; ``layout`` says what the tokens mean."""

    layout: SketchLayout
    dim: int = 128
    kernel: int = 9
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    """One block each; together they see 5.0 s around a frame."""
    dropout: float = 0.1

    @property
    def heads(self) -> dict[str, int]:
        """Classes by head; the last phoneme and pitch are "nobody sings"."""
        layout = self.layout
        return {
            "phoneme": len(layout.phonemes) + 1,
            "pitch": layout.pitches + 1,
            "chord": layout.chords,
            "beat": layout.beats,
        }


class Block(nn.Module):
    """Depthwise dilated convolution and a pointwise MLP, with a residual."""

    def __init__(self, dim: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2 * dilation, dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 2 * dim)
        self.down = nn.Linear(2 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, dim]`` -> the same."""
        reach = self.depthwise.padding[0]
        step = self.depthwise.dilation[0]
        assert isinstance(reach, int) and self.depthwise.bias is not None
        padded = nn.functional.pad(x, (0, 0, reach, reach))
        weight = self.depthwise.weight[:, 0]
        # Shifted sums: a depthwise Conv1d is several times slower than this on a CPU.
        shifted = [padded[:, i * step : i * step + x.shape[1]] * weight[:, i] for i in range(weight.shape[1])]
        mixed = functools.reduce(torch.add, shifted) + self.depthwise.bias
        out: Tensor = x + self.down(self.dropout(nn.functional.gelu(self.up(self.norm(mixed)))))
        return out


class RecogniserNetwork(nn.Module):
    """``features.SIZE`` wide rows in, logits of every head out."""

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        self.input = nn.Linear(SIZE, config.dim)
        self.blocks = nn.ModuleList(
            Block(config.dim, config.kernel, dilation, config.dropout) for dilation in config.dilations
        )
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, sum(config.heads.values()))

    def forward(self, rows: Tensor) -> dict[str, Tensor]:
        """``[B, T, SIZE]`` -> logits ``[B, T, classes]`` by head."""
        x = self.input(rows)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        heads = self.config.heads
        return dict(zip(heads, torch.split(logits, list(heads.values()), dim=-1), strict=True))
