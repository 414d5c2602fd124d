"""The embedded model's guide: the alignment as the engine sees it (``sketch.guide.SketchGuide``).

Its state carries the alignment, the renderer's window and the prompt's statistics; what belongs to the songs as wholes
(score, tempo, key) stays here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import torch
from torch import Tensor

from songbloom_x2.conditioning.alignment import UNIFORMS, AlignmentConditioner, AlignmentState, Profile
from songbloom_x2.conditioning.pace import Pace
from songbloom_x2.conditioning.score import LyricScore
from songbloom_x2.conditioning.window import describe, empty_window

_FIELDS = tuple(field.name for field in fields(AlignmentState))


class AlignedGuide:
    """Draws decision, pitch and chord of each frame; the words cannot be missed."""

    uniforms = UNIFORMS
    recorded = _FIELDS

    def __init__(
        self,
        alignment: AlignmentConditioner,
        profile: Profile,
        score: LyricScore,
        temperature: float | Tensor,
        block: int,
        pace: Pace | None = None,
        weights: Tensor | None = None,
    ) -> None:
        """``temperature`` 0 takes the most likely of everything; ``block`` frames are a block.

        A song may end where a block begins only: the block in which it ends is dropped, words and all. ``pace`` holds
        the pointer to a place in time. With ``weights`` ``[N]`` the songs are branches of one, which see its average.
        """
        self._alignment, self._profile, self._score = alignment, profile, score
        self._temperature, self._block, self._pace, self._weights = temperature, block, pace, weights

    @property
    def score(self) -> LyricScore:
        """The songs' lyrics as the pointer walks them."""
        return self._score

    @property
    def tempo(self) -> Tensor:
        """Beats a minute of each song."""
        return self._profile.tempo

    def paced(self, pace: Pace) -> AlignedGuide:
        """The same, with the pointer held to a pace."""
        return self._like(self._profile, self._score, pace, self._weights)

    def weighted(self, weights: Sequence[float]) -> AlignedGuide:
        """The same songs as branches of one."""
        shares = torch.tensor(weights, device=self._profile.tempo.device)
        return self._like(self._profile, self._score, self._pace, shares)

    def start(self, tokens: Sequence[Tensor] = (), stored: Sequence[Mapping[str, Tensor]] = ()) -> Mapping[str, Tensor]:
        """Before each song's next frame: as ``stored``, or before its first."""
        size, device = len(self._profile.tempo), self._profile.tempo.device
        state = AlignmentState.start(size, self._alignment.config, device)
        fresh = {
            **{name: getattr(state, name) for name in _FIELDS},
            "window": empty_window(size, self._alignment.config, device),
            "statistics": self._profile.statistics,
        }
        for song, kept in enumerate(stored):
            # The prompt's statistics belong to the request: a resumed song may have been given another style.
            for name in kept.keys() - {"statistics"}:
                fresh[name][song] = kept[name].to(device)
        return fresh

    def recalled(self, trail: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The one song's state at the end of its ``trail`` (fields ``[T + 1]``), without the song dimension.

        The renderer's window is described anew, with what the lyrics now say comes next.
        """
        device, config = self._profile.tempo.device, self._alignment.config
        first = max(len(trail["frame"]) - 1 - config.context, 0)
        past = {name: trail[name][None, first:].to(device) for name in _FIELDS}
        # A frame's chord is that of the state before it; the very first one's was drawn with it.
        chord = past["chord"][:, :-1].clone()
        if not first:
            chord[:, 0] = past["lead"][:, 1]
        after = {name: past[name][:, 1:] for name in ("current", "pitch", "pointer")}
        window = describe(
            after["current"],
            after["pitch"],
            after["pointer"],
            chord,
            past["frame"][:, :-1],
            self._score,
            self._profile.tempo,
            config,
        )
        window = torch.cat([empty_window(1, config, device), window], 1)[0, -config.context :]
        return {**{name: past[name][0, -1] for name in _FIELDS}, "window": window}

    def rows(self, state: Mapping[str, Tensor]) -> Tensor:
        """What is added to the LM's input: fields ``[N, L]`` -> ``[N, L, dim]``."""
        aligned = AlignmentState(**{name: state[name] for name in _FIELDS})
        return self._alignment.rows(aligned, self._profile, self._score)

    def choose(
        self, hidden: Tensor, state: Mapping[str, Tensor], uniforms: Tensor, may_end: Tensor
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """One frame: tokens int64 ``[N]``, and the state after it."""
        before = AlignmentState(**{name: state[name] for name in _FIELDS})
        tokens, after = self._alignment.choose(
            hidden[: before.frame.shape[0]],
            before,
            self._profile,
            self._score,
            uniforms,
            temperature=self._temperature,
            may_end=may_end & (before.frame % self._block == 0),
            only=None if self._pace is None else self._pace.allowed(before),
            weights=self._weights,
        )
        return tokens, self.moved(state, after)

    def moved(self, state: Mapping[str, Tensor], after: AlignmentState) -> Mapping[str, Tensor]:
        """The state after a frame that brought the alignment from ``state`` to ``after``."""
        before = AlignmentState(**{name: state[name] for name in _FIELDS})
        # The frame's own chord: the state after it may already stand in the next slot.
        chord = torch.where(before.frame == 0, after.lead, before.chord)
        row = describe(
            after.current.unsqueeze(1),
            after.pitch.unsqueeze(1),
            after.pointer.unsqueeze(1),
            chord.unsqueeze(1),
            before.frame.unsqueeze(1),
            self._score,
            self._profile.tempo,
            self._alignment.config,
        )
        return {
            **{name: getattr(after, name) for name in _FIELDS},
            "window": torch.cat([state["window"][:, 1:], row], 1),
            "statistics": state["statistics"],
        }

    def keep(self, songs: Tensor) -> AlignedGuide:
        """The guide of some of the songs."""
        profile = self._profile.taken(songs)
        score = LyricScore(*(getattr(self._score, field.name)[songs] for field in fields(LyricScore)))
        return self._like(profile, score, self._pace, None if self._weights is None else self._weights[songs])

    def _like(self, profile: Profile, score: LyricScore, pace: Pace | None, weights: Tensor | None) -> AlignedGuide:
        return AlignedGuide(self._alignment, profile, score, self._temperature, self._block, pace, weights)
