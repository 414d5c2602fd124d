"""When each phoneme of known lyrics is sung: the likeliest way through what the recogniser hears (Viterbi)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.types import IntArray


def align_phonemes(log_chances: npt.NDArray[np.floating[Any]], phonemes: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Put ``phonemes`` on the frames in their order, rests between them where nobody sings.

    ``log_chances [T, P + 1]``: of each phoneme, and last of a rest. Returns per frame the phoneme (``P``: rest) and
    how many phonemes have begun (its own included). Raises ``ValueError`` where the song is too short for them.
    """
    frames, rest = len(log_chances), log_chances.shape[1] - 1
    count = len(phonemes)
    if count > frames:
        raise ValueError(f"{count} phonemes do not fit into {frames} frames")
    # State 2 n: a rest after n phonemes; state 2 n - 1: phoneme n sounds.
    symbols = np.full(2 * count + 1, rest)
    symbols[1::2] = phonemes
    sung = np.arange(2 * count + 1) % 2 == 1
    score = np.full(2 * count + 1, -np.inf)
    score[: min(2, 2 * count + 1)] = log_chances[0, symbols[: min(2, 2 * count + 1)]]
    steps = np.zeros((frames, 2 * count + 1), dtype=np.int8)
    for frame in range(1, frames):
        ways = np.full((3, 2 * count + 1), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(sung[2:], score[:-2], -np.inf)
        steps[frame] = ways.argmax(0)
        score = ways.max(0) + log_chances[frame, symbols]
    state = 2 * count if count == 0 or score[-1] >= score[-2] else 2 * count - 1
    states = np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        states[frame] = state
        state -= int(steps[frame, state])
    return symbols[states].astype(np.int64), (states + 1) // 2
