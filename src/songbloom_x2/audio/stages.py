"""What a song's sound passes through on its way to the listener, piece by piece: fades, levels, seams.

A stage takes samples ``[C, n]`` as they come and gives those that are certain; whatever the sizes of the pieces, the
results joined are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from songbloom_x2.audio.crossfade import Shape, fades
from songbloom_x2.audio.limiter import LOOK_AHEAD, limited_gain
from songbloom_x2.types import FloatArray


class Stage(Protocol):
    """One step on the way."""

    def push(self, sound: FloatArray) -> FloatArray:
        """Take ``[C, n]`` (``n`` may be 0), give what became certain ``[C, m]``."""
        ...

    def flush(self) -> FloatArray:
        """Nothing more will come: the rest."""
        ...


class Chain:
    """Stages one after the other, themselves a stage."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        """The first of ``stages`` gets the sound first; none at all let it through."""
        self._stages = tuple(stages)

    def push(self, sound: FloatArray) -> FloatArray:
        """See ``Stage``."""
        for stage in self._stages:
            sound = stage.push(sound)
        return sound

    def flush(self) -> FloatArray:
        """See ``Stage``."""
        rest = _nothing(0)
        for stage in self._stages:
            rest = joined([stage.push(rest) if rest.shape[1] else rest, stage.flush()])
        return rest


class Dropped:
    """Leaves out the first samples."""

    def __init__(self, samples: int) -> None:
        """How many."""
        self._left = samples

    def push(self, sound: FloatArray) -> FloatArray:
        """See ``Stage``."""
        skipped = min(self._left, sound.shape[1])
        self._left -= skipped
        return sound[:, skipped:]

    def flush(self) -> FloatArray:
        """See ``Stage``."""
        return _nothing(0)


class FadeOut:
    """Falls from full level at ``start`` to silence at ``end`` (samples), along half a cosine."""

    def __init__(self, start: int, end: int) -> None:
        """Nothing changes before ``start``."""
        self._start, self._end, self._position = start, end, 0

    def push(self, sound: FloatArray) -> FloatArray:
        """See ``Stage``."""
        first = self._position
        self._position += sound.shape[1]
        if self._position <= self._start:
            return sound
        place = (np.arange(first, self._position) - self._start) / max(self._end - self._start, 1)
        gain = 0.5 + 0.5 * np.cos(np.pi * np.clip(place, 0, 1))
        return np.asarray(sound * gain.astype(np.float32), np.float32)

    def flush(self) -> FloatArray:
        """See ``Stage``."""
        return _nothing(0)


class Level:
    """A constant gain, and single peaks held back under a ceiling: what a file's level was made with."""

    def __init__(self, gain_db: float, ceiling_db: float | None, rate: int) -> None:
        """``ceiling_db`` in dBFS; none: peaks stay as they are."""
        self._gain = np.float32(10 ** (gain_db / 20))
        self._ceiling = None if ceiling_db is None else 10 ** (ceiling_db / 20)
        self._width = max(4, int(LOOK_AHEAD * rate))
        self._held: FloatArray | None = None
        self._before = 0
        """How many of the held samples were given already and stay, for the limiter to look back at."""

    def push(self, sound: FloatArray) -> FloatArray:
        """See ``Stage``."""
        loud: FloatArray = (sound * self._gain).astype(np.float32)
        if self._ceiling is None:
            return loud
        self._held = loud if self._held is None else np.concatenate([self._held, loud], axis=1)
        return self._give(keep=self._width)

    def flush(self) -> FloatArray:
        """See ``Stage``."""
        return _nothing(0) if self._held is None else self._give(keep=0)

    def _give(self, keep: int) -> FloatArray:
        assert self._held is not None and self._ceiling is not None
        held, end = self._held, self._held.shape[1] - keep
        if end <= self._before:
            return _nothing(held.shape[0])
        # Beside its own samples the gain looks three quarters of its width to either side.
        gain = limited_gain(held, self._ceiling, self._width)
        given = (held[:, self._before : end] * gain[self._before : end]).astype(np.float32)
        dropped = max(end - self._width, 0)
        self._held, self._before = held[:, dropped:], end - dropped
        return given


class Seam:
    """What exists already, then a crossfade, then what comes: the same time in both.

    The samples of ``kept`` before ``first`` are given as they are.
    """

    def __init__(self, kept: FloatArray, first: int, samples: int, shape: Shape = "linear") -> None:
        """The crossfade covers ``samples`` from ``first`` on; ``kept [C, n]`` reaches at least to its end.

        ``linear`` for two that are the same sound, ``equal_power`` for two that are not.
        """
        if first + samples > kept.shape[1]:
            raise ValueError(f"a seam of {samples} samples at {first} needs more than {kept.shape[1]} kept ones")
        self._kept, self._first = kept, first
        self._going, self._coming = fades(samples, shape)
        self._position = 0

    def opened(self) -> FloatArray:
        """What is there before anything comes."""
        return self._kept[:, : self._first]

    def push(self, sound: FloatArray) -> FloatArray:
        """See ``Stage``; what comes before the crossfade is not heard."""
        start = self._position
        self._position += sound.shape[1]
        sound = sound[:, max(0, self._first - start) :]
        place = max(start, self._first) - self._first
        inside = self._going[place : place + sound.shape[1]]
        if not len(inside):
            return sound
        count, at = len(inside), self._first + place
        coming = self._coming[place : place + count]
        mixed = self._kept[:, at : at + count] * inside + sound[:, :count] * coming
        return np.concatenate([mixed.astype(np.float32), sound[:, count:]], axis=1)

    def flush(self) -> FloatArray:
        """See ``Stage``."""
        return _nothing(self._kept.shape[0])


def joined(pieces: Sequence[FloatArray]) -> FloatArray:
    """Pieces of one sound ``[C, n]`` in order; those without samples may have any number of channels."""
    heard = [piece for piece in pieces if piece.shape[1]]
    return np.ascontiguousarray(np.concatenate(heard, axis=1)) if heard else _nothing(0)


def _nothing(channels: int) -> FloatArray:
    return np.zeros((channels, 0), np.float32)
