"""How the engine gets from hidden states to tokens: the interface, and the released way of doing it.

A guide serves the songs of one batch. What it must remember between frames is a ``GuideState``, plain tensors whose
first dimension is the song: the engine carries it, cuts it when songs leave, and stores it in snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.nn.branches import averaged
from songbloom_x2.sketch.sampling import draw_tokens, guided, penalised

GuideState = Mapping[str, Tensor]
"""Tensors ``[N, ...]`` by name: where each song stands before its next frame."""


class SketchGuide(Protocol):
    """Chooses tokens for ``N`` songs and may add rows to the LM's input."""

    @property
    def uniforms(self) -> int:
        """Random numbers a frame takes."""
        ...

    @property
    def recorded(self) -> tuple[str, ...]:
        """Fields of the state whose whole past ``rows`` needs when a song is resumed; empty where rows adds nothing."""
        ...

    def start(self, tokens: Sequence[Tensor] = (), stored: Sequence[GuideState] = ()) -> GuideState:
        """Before each song's next frame; without arguments, before the first.

        ``tokens`` int64 ``[T]`` are those already made (none: a new song), ``stored`` the state that was kept with
        them, without the song dimension (empty: a new song).
        """
        ...

    def rows(self, state: GuideState) -> Tensor | None:
        """What is added to the conditional branch's LM input: state of ``[N, L, ...]`` -> ``[N, L, dim]``, or none."""
        ...

    def choose(self, hidden: Tensor, state: GuideState, uniforms: Tensor, may_end: Tensor) -> tuple[Tensor, GuideState]:
        """One frame: tokens int64 ``[N]``, and the state after it.

        ``hidden [N or 2N, dim]`` (conditional songs first), ``uniforms [N, self.uniforms]`` float64,
        ``may_end`` bool ``[N]``: where EOS is allowed.
        """
        ...

    def keep(self, songs: Tensor) -> SketchGuide:
        """The guide of some of the songs (int64 indices)."""
        ...


class FreeGuide:
    """Guidance, penalty, temperature and top-k or top-p over the LM's own logits (format page)."""

    uniforms = 1
    recorded: tuple[str, ...] = ()

    def __init__(
        self,
        logits: Callable[[Tensor], Tensor],
        sampling: SamplingConfig,
        songs: int,
        block_size: int,
        end_token: int,
        device: torch.device,
        weights: Tensor | None = None,
    ) -> None:
        """``logits``: hidden states ``[B, dim]`` -> ``[B, end_token + 1]``.

        With ``weights`` ``[songs]`` the songs are branches of one, and draw from the average of their guided logits.
        """
        self._logits = logits
        self._sampling = sampling
        self._songs = songs
        self._block_size = block_size
        self._end_token = end_token
        self._device = device
        self._weights = weights
        self._window = sampling.penalty_window if sampling.penalty_repeat else 0

    def start(self, tokens: Sequence[Tensor] = (), stored: Sequence[GuideState] = ()) -> GuideState:
        """The last tokens, after a window full of EOS: all of it follows from the tokens."""
        recent = torch.full((self._songs, self._window), self._end_token, dtype=torch.int64)
        frames = torch.zeros(self._songs, dtype=torch.int64)
        for song, made in enumerate(tokens):
            kept = made[max(0, len(made) - self._window) :]
            recent[song, self._window - len(kept) :] = kept
            frames[song] = len(made)
        return {"recent": recent.to(self._device), "frames": frames.to(self._device)}

    def rows(self, state: GuideState) -> Tensor | None:
        """Nothing."""
        return None

    def choose(self, hidden: Tensor, state: GuideState, uniforms: Tensor, may_end: Tensor) -> tuple[Tensor, GuideState]:
        """See ``SketchGuide.choose``."""
        songs = may_end.shape[0]
        if hidden.shape[0] > songs and self._sampling.cfg_lm != 1:
            conditional, unconditional = self._logits(hidden).float().chunk(2)
            logits = guided(conditional, unconditional, self._sampling.cfg_lm)
        else:
            logits = self._logits(hidden[:songs]).float()
        logits = averaged(logits, self._weights)
        recent = state["recent"]
        if self._window:
            logits = penalised(logits, recent, state["frames"] >= self._block_size, self._sampling.penalty)
        held = torch.zeros_like(logits, dtype=torch.bool)
        held[:, self._end_token] = ~may_end
        tokens = draw_tokens(logits.masked_fill(held, -torch.inf), uniforms[:, 0], self._sampling)
        if self._window:
            recent = torch.cat((recent[:, 1:], tokens[:, None]), dim=1)
        return tokens, {"recent": recent, "frames": state["frames"] + 1}

    def keep(self, songs: Tensor) -> FreeGuide:
        """The same for fewer songs: everything that differs between them is in the state."""
        return self._like(len(songs), None if self._weights is None else self._weights[songs])

    def weighted(self, weights: Sequence[float]) -> FreeGuide:
        """The same songs as branches of one."""
        return self._like(self._songs, torch.tensor(weights, device=self._device))

    def _like(self, songs: int, weights: Tensor | None) -> FreeGuide:
        return FreeGuide(self._logits, self._sampling, songs, self._block_size, self._end_token, self._device, weights)
