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

from songbloom_x2.conditioning.lyrics import EMPTY_LYRICS
from songbloom_x2.runtime.apply import codec_scope
from songbloom_x2.runtime.plan import RuntimePlan
from songbloom_x2.song_model import SongModel

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
        if "prompt.wav" not in self._tensors:
            raise NotRecordedError("its input prompt.wav is not in the file")
        latents = self._latents(self._tensors["prompt.wav"].float().to(self._plan.torch_device))
        rows: Tensor = self._model.prompt([*latents, *[None] * len(latents)])
        return rows

    def _latents(self, wave: Tensor) -> list[Tensor | None]:
        """One prompt's latents a song, from ``[N]``, ``[1, N]``, stereo ``[2, N]``, or several: ``[B, N]``."""
        codec = self._model.codec
        if codec is None or wave.dim() > 3:
            raise NotRecordedError(f"prompt.wav of shape {list(wave.shape)} cannot be encoded")
        recorded = self._tensors.get("cond.prompt_wav")
        songs = 1 if recorded is None else len(recorded) // 2
        wave = wave.reshape(songs, -1, wave.shape[-1]).mean(dim=1, keepdim=True)
        if wave.shape[-1] < SHORTEST_PROMPT:
            return [None] * songs
        with codec_scope(self._plan):
            return list(codec.encode(wave.expand(-1, codec.channels, -1)))

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
