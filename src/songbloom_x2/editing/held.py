"""A guide that makes only a stretch anew: before and after it, the song's own sketch is followed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from songbloom_x2.conditioning.alignment import AlignmentState
from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.conditioning.pace import Pace
from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import SongState
from songbloom_x2.sketch.guide import FreeGuide, GuideState, SketchGuide
from songbloom_x2.steps import SongCondition, Steps


class HeldGuide:
    """All songs of the batch are versions of one song and stand at the same frame."""

    def __init__(self, guide: SketchGuide, song: SongState, first: int, until: int) -> None:
        """Frames from ``first`` to before ``until`` are drawn; for the others ``song`` says tokens and trail."""
        self._guide, self._song, self._first, self._until = guide, song, first, until
        self.uniforms, self.recorded = guide.uniforms, guide.recorded

    def start(self, tokens: Sequence[Tensor] = (), stored: Sequence[GuideState] = ()) -> GuideState:
        """See ``SketchGuide``."""
        return self._guide.start(tokens, stored)

    def rows(self, state: GuideState) -> Tensor | None:
        """See ``SketchGuide``."""
        return self._guide.rows(state)

    def choose(self, hidden: Tensor, state: GuideState, uniforms: Tensor, may_end: Tensor) -> tuple[Tensor, GuideState]:
        """See ``SketchGuide``."""
        drawn, after = self._guide.choose(hidden, state, uniforms, may_end)
        frame = int(state["frame" if "frame" in state else "frames"][0])
        if self._first <= frame < self._until:
            return drawn, after
        tokens = self._song.tokens[frame].to(drawn).expand_as(drawn)
        if isinstance(self._guide, AlignedGuide):
            trail = self._song.trail
            fields = {name: trail[name][frame + 1].to(drawn.device).expand_as(drawn) for name in self.recorded}
            return tokens, self._guide.moved(state, AlignmentState(**fields))
        return tokens, _followed(after, tokens)

    def weighted(self, weights: Sequence[float]) -> HeldGuide:
        """The songs as branches of one."""
        assert isinstance(self._guide, AlignedGuide | FreeGuide)
        return HeldGuide(self._guide.weighted(weights), self._song, self._first, self._until)

    def keep(self, songs: Tensor) -> HeldGuide:
        """See ``SketchGuide``."""
        return HeldGuide(self._guide.keep(songs), self._song, self._first, self._until)


def following(steps: Steps, song: SongState, first: int, until: int, pace: Pace | None = None) -> Steps:
    """Steps of a model that follows ``song`` but from frame ``first`` to before ``until``, there at a ``pace``."""

    def guide(conditions: Sequence[SongCondition], sampling: SamplingConfig) -> SketchGuide:
        inner = steps.guide(conditions, sampling)
        if isinstance(inner, AlignedGuide) and pace is not None:
            inner = inner.paced(pace)
        return HeldGuide(inner, song, first, until)

    return dataclasses.replace(steps, guide=guide)


def _followed(after: Mapping[str, Tensor], tokens: Tensor) -> Mapping[str, Tensor]:
    """The free guide's state, had it drawn ``tokens``."""
    recent = after["recent"]
    if not recent.shape[1]:
        return after
    return {**after, "recent": torch.cat((recent[:, :-1], tokens[:, None]), dim=1)}
