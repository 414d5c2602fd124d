"""The rows in front of the song, recomputed from a golden file's prompt and phonemes.

Rows are conditional songs first, then as many unconditional ones. Where an input was not recorded, the nearest recorded
rows stand in (``cond.*``, then ``lm.fused``), so that what comes after can still be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS
from songbloom_x2.runtime.apply import codec_scope
from songbloom_x2.runtime.plan import RuntimePlan
from songbloom_x2.song_model import SongModel
from songbloom_x2.verify.draw_test import is_draw

DRAWN = "the style prompt was recorded from a random draw"
"""Reason to skip; see ``draw_test``."""

SHORTEST_PROMPT = 2048
"""Samples; from less the released code makes no prompt rows at all."""


class NotRecordedError(Exception):
    """An input is missing or does not fit; the message says which."""


class Conditions:
    """``tensors`` as recorded and ``described``, the golden file's JSON."""

    def __init__(
        self, model: SongModel, plan: RuntimePlan, tensors: Mapping[str, Tensor], described: Mapping[str, Any]
    ) -> None:
        """Nothing is computed yet."""
        self._model = model
        self._plan = plan
        self._tensors = tensors
        self._described = described

    @cached_property
    def songs(self) -> list[tuple[int, ...]]:
        """Symbol ids of each song's lyrics, looked up as released.

        Unknown symbols are dropped, and a double space is the empty symbol, 0.
        """
        phonemes, ids = self._described.get("phonemes"), self._described.get("token_ids")
        texts = [phonemes] if isinstance(phonemes, str) else phonemes
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            # A symbol that stands twice in the vocabulary means its first place.
            number = {symbol: at for at, symbol in reversed(list(enumerate(self._model.config.lyrics.vocabulary)))}
            return [tuple(number[symbol] for symbol in text.split(" ") if symbol in number) for text in texts]
        if isinstance(ids, list) and all(isinstance(symbol, int) for symbol in ids):
            return [tuple(ids)]
        raise NotRecordedError("the JSON has neither phonemes nor token_ids")

    def lyrics(self) -> Tensor:
        """Rows ``[2 B, max_len, dim]`` of the lyrics."""
        rows: Tensor = self._model.lyrics([*self.songs, *[EMPTY_LYRICS] * len(self.songs)])
        return rows

    def lyrics_mask(self) -> Tensor:
        """Which rows are not blank: 1 or 0, ``[B, max_len]``."""
        length = self._model.config.lyrics.max_len
        used = torch.tensor([min(len(song), length) for song in self.songs])
        return (torch.arange(length)[None] < used[:, None]).float()

    def prompt(self) -> Tensor:
        """Rows ``[2 B, max_len, dim]`` of the style prompt."""
        if self.prompt_was_drawn:
            raise NotRecordedError(f"{DRAWN} of the encoder, not its mean")
        latents = [None] * self._count if self._posterior is None else list(self._posterior[0])
        rows: Tensor = self._model.prompt([*latents, *[None] * self._count])
        return rows

    @cached_property
    def prompt_was_drawn(self) -> bool:
        """Whether the recorded rows come from a random draw, so that only the rows themselves can be gone on from."""
        recorded = self._recorded_prompt()
        if recorded is None or "prompt.wav" not in self._tensors or self._posterior is None:
            return False
        mean, deviation = self._posterior
        length = min(mean.shape[-1], recorded.shape[1])
        weight = self._model.prompt.project.weight
        return all(
            is_draw(rows[:length].to(weight.device), weight, one[:, :length], spread[:, :length])
            for rows, one, spread in zip(recorded, mean, deviation, strict=False)
        )

    def _recorded_prompt(self) -> Tensor | None:
        if "cond.prompt_wav" in self._tensors:
            return self._tensors["cond.prompt_wav"]
        if "lm.fused" in self._tensors:
            return self._tensors["lm.fused"][:, : self._model.config.prompt.max_len]
        return None

    @property
    def _count(self) -> int:
        """How many songs' prompts were recorded."""
        recorded = self._recorded_prompt()
        return 1 if recorded is None else max(1, len(recorded) // 2)

    @cached_property
    def _posterior(self) -> tuple[Tensor, Tensor] | None:
        """Mean and deviation ``[B, D, T]`` of the prompts; none where they are too short to be encoded.

        Recorded as ``[N]``, ``[1, N]``, stereo ``[2, N]``, or several, ``[B, N]``.
        """
        if "prompt.wav" not in self._tensors:
            raise NotRecordedError("its input prompt.wav is not in the file")
        codec = self._model.codec
        wave = self._tensors["prompt.wav"].float().to(self._plan.torch_device)
        if not isinstance(codec, OobleckAutoencoder) or not wave.dim() or wave[..., 0].numel() % self._count:
            raise NotRecordedError(f"prompt.wav of shape {list(wave.shape)} cannot be encoded")
        wave = wave.reshape(self._count, -1, wave.shape[-1]).mean(dim=1, keepdim=True)
        if wave.shape[-1] < SHORTEST_PROMPT:
            return None
        with codec_scope(self._plan):
            return codec.posterior(wave.expand(-1, codec.channels, -1))

    @cached_property
    def prefix(self) -> Tensor:
        """All rows in front of BOS, prompt first, ``[2 B, P, dim]``."""
        config = self._model.config
        first = config.prompt.max_len
        prompt = self._or_recorded(self.prompt, "cond.prompt_wav", slice(0, first))
        lyrics = self._or_recorded(self.lyrics, "cond.lyrics", slice(first, first + config.lyrics.max_len))
        rows = max(len(prompt), len(lyrics))
        return torch.cat([repeated(prompt, rows), repeated(lyrics, rows)], dim=1)

    def _or_recorded(self, recompute: Callable[[], Tensor], name: str, place: slice) -> Tensor:
        try:
            return recompute()
        except NotRecordedError:
            if name in self._tensors:
                rows = self._tensors[name]
            elif "lm.fused" in self._tensors:
                rows = self._tensors["lm.fused"][:, place]
            else:
                raise
        return rows.to(self._plan.torch_device, self._plan.torch_dtype)


def repeated(rows: Tensor, count: int) -> Tensor:
    """Rows of both branches, repeated until there are ``count``; half as many are the conditional ones alone."""
    if len(rows) == count:
        return rows
    if len(rows) == 2 * count:
        return rows[:count]
    if len(rows) % 2 or count % len(rows):
        raise NotRecordedError(f"{len(rows)} rows of conditions do not fit a batch of {count}")
    times = (count // len(rows), 1, 1)
    return torch.cat([half.repeat(times) for half in rows.chunk(2)])
