"""From one sound into the next."""

from __future__ import annotations

from typing import Literal

import numpy as np

from songbloom_x2.errors import AudioError
from songbloom_x2.types import FloatArray, Waveform

Shape = Literal["equal_power", "linear"]


def fades(samples: int, shape: Shape = "equal_power") -> tuple[FloatArray, FloatArray]:
    """The gains ``[samples]`` of the sound that goes and of the one that comes.

    ``equal_power`` keeps the power of unrelated sounds (cos² + sin² = 1); ``linear`` the amplitude of related ones.
    """
    position = (np.arange(samples, dtype=np.float64) + 0.5) / max(samples, 1)
    if shape == "linear":
        return (1 - position).astype(np.float32), position.astype(np.float32)
    angle = position * (np.pi / 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def crossfade(first: Waveform, second: Waveform, seconds: float, *, shape: Shape = "equal_power") -> Waveform:
    """``first``, its last ``seconds`` overlapped with the first ``seconds`` of ``second``, then the rest of it.

    Raises ``AudioError`` where rates or channels differ, or one of the two is shorter than the overlap.
    """
    if first.sample_rate != second.sample_rate:
        raise AudioError(f"cannot join {first.sample_rate} Hz with {second.sample_rate} Hz; resample one of them")
    if first.samples.shape[0] != second.samples.shape[0]:
        channels = f"{first.samples.shape[0]} and {second.samples.shape[0]} channels"
        raise AudioError(f"cannot join {channels}; mix one of them to the other's layout")
    overlap = round(seconds * first.sample_rate)
    shortest = min(first.samples.shape[1], second.samples.shape[1])
    if not 0 <= overlap <= shortest:
        longest = shortest / first.sample_rate
        raise AudioError(f"a crossfade of {seconds:g} s does not fit; it can last 0 to {longest:.2f} s here")
    going, coming = fades(overlap, shape)
    kept = first.samples.shape[1] - overlap
    middle = first.samples[:, kept:] * going + second.samples[:, :overlap] * coming
    joined = np.concatenate([first.samples[:, :kept], middle, second.samples[:, overlap:]], axis=1)
    return Waveform(joined.astype(np.float32, copy=False), first.sample_rate)
