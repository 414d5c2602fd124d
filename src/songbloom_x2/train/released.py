"""Training the released kind of model: its shape made smaller, its objective, and songs to train on.

The released sketch tokens come from a tokenizer that was never published. Songs for it are files with the tokens in
them, however they were made; without any, random ones of the right shape show that a machine can take the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from songbloom_x2.config import LyricsConfig, OobleckConfig, PromptConfig, SongConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.objective import TrainingBatch, training_losses
from songbloom_x2.song_model import SongModel
from songbloom_x2.text.vocabulary import released_vocabulary

VALIDATION_SEED = 987_654
CONFIGS = ("released-tenth", "released-tiny")


def released_config(name: str) -> SongConfig:
    """``released-tenth``: the released shape at a tenth of its parameters; ``released-tiny``: to try things out.

    Raises ``ConfigError`` for another name.
    """
    small = SongConfig(
        name=name,
        lyrics=LyricsConfig(vocabulary=released_vocabulary()),
        prompt=PromptConfig(),
        codec=OobleckConfig(),
        licence="Apache-2.0",
    )
    if name == "released-tenth":
        return replace(small, dim=640, num_heads=10, lm_layers=18, diff_layers=6)
    if name == "released-tiny":
        return replace(small, dim=64, num_heads=2, lm_layers=2, diff_layers=2, num_pitch=512)
    raise ConfigError(f"--config {name}: known are {', '.join(CONFIGS)}")


@dataclass(frozen=True)
class TokenSong:
    """A song of the released kind: ``lyrics`` symbol ids, ``tokens`` int64 ``[T]``, ``latents`` float32 ``[T, D]``."""

    lyrics: tuple[int, ...]
    tokens: Tensor
    latents: Tensor


class TokenSongs(Protocol):
    """Songs by number."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int) -> TokenSong:
        """One of them."""
        ...


class RandomSongs:
    """Songs of nothing but chance; number ``i`` is always the same one."""

    def __init__(self, config: SongConfig, count: int, frames: int, seed: int) -> None:
        """``frames`` each, in whole blocks."""
        self._config, self._count, self._seed = config, count, seed
        self._frames = frames // config.block_size * config.block_size

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __getitem__(self, index: int) -> TokenSong:
        """One of them."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        config, frames = self._config, self._frames
        words = torch.randint(1, len(config.lyrics.vocabulary), (frames // 4,), generator=generator)
        return TokenSong(
            tuple(words.tolist()),
            torch.randint(0, config.num_pitch, (frames,), generator=generator),
            torch.randn(frames, config.latent_dim, generator=generator),
        )


def read_token_songs(folder: Path, config: SongConfig) -> list[TokenSong]:
    """Songs from ``*.safetensors``: ``tokens`` int ``[T]``, ``latents`` ``[T, D]`` and ``lyrics`` int ``[rows]``.

    Raises ``ConfigError`` with the file where one does not fit the configuration.
    """
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        raise ConfigError(f"--songs {folder}: holds no *.safetensors with tokens, latents and lyrics")
    return [_read(path, config) for path in files]


def _read(path: Path, config: SongConfig) -> TokenSong:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tokens, latents, lyrics = (file.get_tensor(name) for name in ("tokens", "latents", "lyrics"))
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path}: not a song to train on ({str(error)[:80]})") from None
    length = len(tokens) // config.block_size * config.block_size
    if tokens.dim() != 1 or latents.shape != (len(tokens), config.latent_dim) or not length:
        raise ConfigError(f"{path}: tokens [T] and latents [T, {config.latent_dim}] of at least one block are needed")
    ids = tuple(int(symbol) for symbol in lyrics)
    if (
        int(tokens.max()) >= config.num_pitch
        or min(ids, default=0) < 0
        or max(ids, default=0) >= len(config.lyrics.vocabulary)
    ):
        raise ConfigError(f"{path}: a token or lyric id is beyond this configuration's")
    return TokenSong(ids, tokens[:length].long(), latents[:length].float())


class ReleasedObjective:
    """Cross-entropy on the sketch and flow matching (``objective``) over beginnings of songs."""

    def __init__(
        self,
        model: SongModel,
        songs: TokenSongs | Sequence[TokenSong],
        held_out: TokenSongs | Sequence[TokenSong],
        batch: int,
        seed: int,
        bfloat16: bool,
        *,
        longest: int = 40,
        flow_blocks: int | None = 64,
    ) -> None:
        """``batch`` songs a step, at most ``longest`` blocks of each; ``flow_blocks``: see ``training_losses``."""
        self.model, self.songs, self.held_out = model, songs, held_out
        self.batch, self.seed, self.bfloat16 = batch, seed, bfloat16
        self.longest, self.flow_blocks = longest, flow_blocks

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        self.model.train()
        rng = np.random.default_rng([self.seed, step, 4])
        chosen = [self.songs[int(index)] for index in rng.integers(0, len(self.songs), self.batch)]
        with self._autocast():
            losses = training_losses(self.model, self._joined(chosen, rng), generator, self.flow_blocks)
        return losses.total, {"sketch": float(losses.sketch.detach()), "flow": float(losses.flow.detach())}

    def validate(self) -> Mapping[str, float]:
        """Mean losses over the held-out songs, nothing dropped."""
        self.model.eval()
        generator, rng = torch.Generator().manual_seed(VALIDATION_SEED), np.random.default_rng(VALIDATION_SEED)
        sums = {"sketch": 0.0, "flow": 0.0}
        for index in range(len(self.held_out)):
            with self._autocast():
                found = training_losses(
                    self.model, self._joined([self.held_out[index]], rng), generator, self.flow_blocks
                )
            sums["sketch"] += float(found.sketch) / len(self.held_out)
            sums["flow"] += float(found.flow) / len(self.held_out)
        return sums

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.model.sketch.bos.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _joined(self, songs: Sequence[TokenSong], rng: np.random.Generator) -> TrainingBatch:
        """Beginnings of songs, padded to the longest; the prompt is a stretch of the song itself."""
        config = self.model.config
        block = config.block_size
        whole = [len(song.tokens) // block for song in songs]
        counts = [min(count, self.longest) for count in whole]
        frames = max(counts) * block
        tokens = torch.zeros(len(songs), frames, dtype=torch.long)
        latents = torch.zeros(len(songs), frames, config.latent_dim)
        prompts = []
        for row, (song, count) in enumerate(zip(songs, counts, strict=True)):
            tokens[row, : count * block] = song.tokens[: count * block]
            latents[row, : count * block] = song.latents[: count * block]
            length = min(config.prompt.max_len, len(song.latents))
            start = int(rng.integers(0, len(song.latents) - length + 1))
            prompts.append(song.latents[start : start + length].T.to(self.model.sketch.bos.device))
        ends = torch.tensor([count == full for count, full in zip(counts, whole, strict=True)])
        lyrics = [song.lyrics[: config.lyrics.max_len] for song in songs]
        return TrainingBatch(lyrics, prompts, tokens, latents, torch.tensor(counts), ends)
