"""What the embedded model's DiT is told about each frame: a small convolutional regression over the sketch.

From the aligned sketch (phoneme, its neighbours in the lyrics, how far into the phoneme, pitch, chord and beat) and the
style prompt it predicts the mean of every latent and a row of features; the DiT starts from both. Measured: with the
regression as input the voice's words survive, without it they drown (docs/embedded-model.md).
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.conditioning.window import COLUMNS, run_distances
from songbloom_x2.config import AlignmentConfig


class ConvBlock(nn.Module):
    """Depthwise convolution over time, then a pointwise MLP, with a residual."""

    def __init__(self, dim: int, kernel: int = 7) -> None:
        """``dim`` channels; ``kernel`` frames, odd."""
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 3 * dim)
        self.down = nn.Linear(3 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, dim]`` -> the same."""
        kernel = self.depthwise.kernel_size[0]
        padded = F.pad(x, (0, 0, kernel // 2, kernel // 2))
        weight = self.depthwise.weight[:, 0]
        # Shifted sums: depthwise Conv1d runs several times slower than this on a CPU in bfloat16.
        shifted = [padded[:, i : i + x.shape[1]] * weight[:, i] for i in range(kernel)]
        assert self.depthwise.bias is not None
        mixed = functools.reduce(torch.add, shifted) + self.depthwise.bias
        out: Tensor = x + self.down(F.gelu(self.up(self.norm(mixed)), approximate="tanh"))
        return out


class RenderPrior(nn.Module):
    """Aligned sketch + prompt statistics -> latent means, DiT rows, and the DiT's style row."""

    def __init__(self, config: AlignmentConfig, latent_dim: int, diff_dim: int, statistics: int) -> None:
        """``statistics`` is the width of the prompt statistics, ``diff_dim`` the DiT's."""
        super().__init__()
        self.config = config
        layout = config.layout
        dim = config.prior_dim
        phonemes = len(layout.phonemes) + 2
        sizes = {
            "current": phonemes,
            "before": phonemes,
            "next": phonemes,
            "after": phonemes,
            "pitch": layout.pitches + 1,
            "gap": 4,
            "chord": layout.chords + 1,
            "beat": layout.beats,
            "tick": config.clock_ticks,
        }
        self.columns = nn.ModuleDict({name: nn.Embedding(size, dim) for name, size in sizes.items()})
        self.since = nn.Embedding(config.reach + 1, dim)
        self.until = nn.Embedding(config.reach + 1, dim)
        self.style = nn.Sequential(nn.Linear(statistics, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.blocks = nn.ModuleList(ConvBlock(dim) for _ in range(config.prior_layers))
        self.norm = nn.LayerNorm(dim)
        self.mean = nn.Linear(dim, latent_dim)
        self.rows = nn.Linear(dim, diff_dim)
        self.mean_rows = nn.Linear(latent_dim, diff_dim)
        self.style_row = nn.Linear(dim, diff_dim)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.1)

    def features(self, window: Tensor, statistics: Tensor) -> Tensor:
        """Sum of embeddings ``[B, T, dim]``."""
        since, until = run_distances(window, self.config.reach)
        x = self.since(since) + self.until(until)
        columns = dict(zip(COLUMNS, window.unbind(-1), strict=True))
        for name, embedding in self.columns.items():
            x = x + embedding(columns[name])
        out: Tensor = x + self.style(statistics.to(x.dtype)).unsqueeze(1)
        return out

    def _hidden(self, window: Tensor, statistics: Tensor) -> Tensor:
        """``[B, T, dim]``."""
        x = self.features(window, statistics)
        for layer in self.blocks:
            x = layer(x)
        out: Tensor = self.norm(x)
        return out

    def means(self, window: Tensor, statistics: Tensor) -> Tensor:
        """Latent means ``[B, T, latent_dim]`` at every frame of a stretch, in the sketch's own time (no lag).

        Frames within some 18 of the stretch's ends know less of what surrounds them.
        """
        out: Tensor = self.mean(self._hidden(window, statistics))
        return out

    def forward(self, window: Tensor, statistics: Tensor, block: int) -> tuple[Tensor, Tensor, Tensor]:
        """Condition one block.

        ``window`` int64 ``[B, context, columns]`` (see ``window.describe``) ends with the block's sketch;
        ``statistics`` ``[B, S]`` of the style prompt. Returns means ``[B, block, latent_dim]`` of the block's latents
        (which lag the sketch by ``lead`` frames), DiT rows ``[B, 2 * block, diff_dim]`` for the previous and this
        block's latents, and the style row ``[B, diff_dim]``.
        """
        x = self._hidden(window, statistics)
        end = x.shape[1] - self.config.lead
        x = x[:, end - 2 * block : end]
        means = self.mean(x[:, block:])
        rows = self.rows(x)
        rows = torch.cat([rows[:, :block], rows[:, block:] + self.mean_rows(means.detach())], 1)
        style_row: Tensor = self.style_row(F.silu(self.style(statistics.to(x.dtype))))
        return means, rows, style_row


def prompt_statistics(latents: Tensor, voice_dim: int, voicing: slice) -> Tensor:
    """Mean and spread of a prompt, the voice's over its voiced frames only: ``[D, T]`` -> ``[2 * D]``.

    A prompt without voiced frames (a mixture from outside, an instrumental) has zeros in the voice's places.
    """
    voice, band = latents[:voice_dim].float(), latents[voice_dim:].float()
    voiced = latents[voicing].float().mean(0) > 0
    if int(voiced.sum()) < 2:
        voice_part = voice.new_zeros(2 * voice_dim)
    else:
        chosen = voice[:, voiced]
        voice_part = torch.cat([chosen.mean(1), chosen.std(1)])
    spread = band.std(1) if band.shape[1] > 1 else torch.zeros_like(band[:, 0])
    return torch.cat([voice_part, band.mean(1), spread])
