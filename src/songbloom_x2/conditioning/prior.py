"""What the embedded model's DiT is told about each frame: a small convolutional regression over the sketch.

From the aligned sketch (phoneme, its neighbours in the lyrics, how far into the phoneme, pitch, chord and beat) and the
style prompt it predicts the mean of every latent and a row of features; the DiT starts from both. Measured: with the
regression as input the voice's words survive, without it they drown (docs/embedded-model.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from songbloom_x2.config import AlignmentConfig
from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.score import LyricScore


@dataclass(frozen=True)
class SketchHistory:
    """The alignment's record of ``T`` frames of ``B`` songs, int64 ``[B, T]`` each; ``frame`` < 0 is before the song.

    ``current`` (``P``: unsung), ``pitch`` (``pitches``: none), ``pointer`` (phonemes begun, this frame's included),
    ``chord`` (``chords``: none), ``frame``.
    """

    current: Tensor
    pitch: Tensor
    pointer: Tensor
    chord: Tensor
    frame: Tensor

    @classmethod
    def silence(cls, size: int, frames: int, config: AlignmentConfig, device: torch.device | str) -> SketchHistory:
        """``frames`` frames before the song begins."""
        layout = config.layout

        def full(value: int) -> Tensor:
            return torch.full((size, frames), value, dtype=torch.long, device=device)

        before = torch.arange(-frames, 0, device=device).expand(size, frames)
        return cls(full(len(layout.phonemes)), full(layout.pitches), full(0), full(layout.chords), before)

    def extended(self, later: SketchHistory, keep: int) -> SketchHistory:
        """This history with ``later`` appended, its last ``keep`` frames."""
        fields = self.__dataclass_fields__
        return SketchHistory(**{f: torch.cat([getattr(self, f), getattr(later, f)], 1)[:, -keep:] for f in fields})


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
        mixed = sum(padded[:, i : i + x.shape[1]] * weight[:, i] for i in range(kernel)) + self.depthwise.bias
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
        self.current = nn.Embedding(phonemes, dim)
        self.neighbours = nn.ModuleList(nn.Embedding(phonemes, dim) for _ in range(3))
        self.pitch = nn.Embedding(layout.pitches + 1, dim)
        self.since = nn.Embedding(config.reach + 1, dim)
        self.until = nn.Embedding(config.reach + 1, dim)
        self.gap = nn.Embedding(4, dim)
        self.chord = nn.Embedding(layout.chords + 1, dim)
        self.beat = nn.Embedding(layout.beats, dim)
        self.tick = nn.Embedding(config.clock_ticks, dim)
        self.style = nn.Sequential(nn.Linear(statistics, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.blocks = nn.ModuleList(ConvBlock(dim) for _ in range(config.prior_layers))
        self.norm = nn.LayerNorm(dim)
        self.mean = nn.Linear(dim, latent_dim)
        self.rows = nn.Linear(dim, diff_dim)
        self.mean_rows = nn.Linear(latent_dim, diff_dim)
        self.style_row = nn.Linear(dim, diff_dim)
        for embedding in self.modules():
            if isinstance(embedding, nn.Embedding):
                nn.init.normal_(embedding.weight, std=0.1)

    def _neighbour(self, score: LyricScore, index: Tensor) -> Tensor:
        outside = len(self.config.layout.phonemes) + 1
        inside = (index >= 0) & (index < score.count.unsqueeze(1))
        return torch.where(inside, score.classes.gather(1, index.clamp(0, score.classes.shape[1] - 1)), outside)

    def features(self, history: SketchHistory, score: LyricScore, tempo: Tensor, statistics: Tensor) -> Tensor:
        """Sum of embeddings ``[B, T, dim]``."""
        config = self.config
        sung = history.current < len(config.layout.phonemes)
        begun = history.pointer - sung.long()
        since, until = run_distances(history, config.reach)
        x = self.current(history.current) + self.pitch(history.pitch) + self.since(since) + self.until(until)
        for embedding, index in zip(
            self.neighbours, (begun - 1, history.pointer, history.pointer + 1), strict=True
        ):
            x = x + embedding(self._neighbour(score, index))
        x = x + self.gap(score.gap.gather(1, history.pointer).clamp(max=3))
        in_song = history.frame.clamp(min=0)
        x = x + self.chord(history.chord) + self.beat(clock.beat(in_song, tempo.unsqueeze(1)))
        x = x + self.tick(clock.tick(in_song, tempo.unsqueeze(1), config.clock_ticks))
        out: Tensor = x + self.style(statistics.to(x.dtype)).unsqueeze(1)
        return out

    def forward(
        self, history: SketchHistory, score: LyricScore, tempo: Tensor, statistics: Tensor, block: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Condition one block.

        ``history`` ``[B, context]`` ends with the block's sketch; ``tempo`` ``[B]``; ``statistics`` ``[B, S]``.
        Returns means ``[B, block, latent_dim]`` of the block's latents (which lag the sketch by ``lead`` frames), DiT
        rows ``[B, 2 * block, diff_dim]`` for the previous and this block's latents, and the style row
        ``[B, diff_dim]``.
        """
        x = self.features(history, score, tempo, statistics)
        for layer in self.blocks:
            x = layer(x)
        x = self.norm(x)
        end = x.shape[1] - self.config.lead
        x = x[:, end - 2 * block : end]
        means = self.mean(x[:, block:])
        rows = self.rows(x)
        rows = torch.cat([rows[:, :block], rows[:, block:] + self.mean_rows(means.detach())], 1)
        style_row: Tensor = self.style_row(F.silu(self.style(statistics.to(x.dtype))))
        return means, rows, style_row


def run_distances(history: SketchHistory, reach: int) -> tuple[Tensor, Tensor]:
    """Frames since each frame's phoneme began and until it ends, within the window, at most ``reach``; ``[B, T]`` each."""
    length = history.current.shape[1]
    changed = (history.current[:, 1:] != history.current[:, :-1]) | (history.pointer[:, 1:] != history.pointer[:, :-1])
    edge = torch.ones_like(changed[:, :1])
    index = torch.arange(length, device=changed.device).expand_as(history.current)
    begin = torch.where(torch.cat([edge, changed], 1), index, 0).cummax(1).values
    end = torch.where(torch.cat([changed, edge], 1), index, length - 1).flip(1).cummin(1).values.flip(1)
    return (index - begin).clamp(max=reach), (end - index).clamp(max=reach)


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
