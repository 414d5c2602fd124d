"""Choosing the stretch of a recording that stands for its style, and refusing what has no style."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import welch

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.errors import StyleError
from songbloom_x2.types import Waveform

SHORTEST_SECONDS = 1.0
SILENCE_DB = -60.0
"""Root mean square, relative to full scale, under which a prompt counts as silent."""
_FRAME_SECONDS = 0.1
_FLOOR_DB = -80.0
_NOISE_FLATNESS = 0.85
"""Measured: noise of any colour 0.9 to 1, a chord in noise of equal power 0.5, the densest distorted chord 0.7."""
_STEADY_DB = 1.5
"""Noise whose level moves more than this from one fiftieth of a second to the next has a rhythm: drums are welcome."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A stretch of a recording and the second at which it starts."""

    waveform: Waveform
    start: float


def choose_window(waveform: Waveform, seconds: float, *, start: float | None = None) -> Window:
    """The ``seconds`` of ``waveform`` that are loudest and steadiest, or those from ``start`` on.

    A recording that is shorter is taken as a whole. Raises ``StyleError`` with the reason where less than a second
    is left, or the stretch is silent or nothing but noise.
    """
    rate, total = waveform.sample_rate, waveform.seconds
    if total < SHORTEST_SECONDS:
        raise StyleError(f"the style audio lasts {total:.2f} s; at least {SHORTEST_SECONDS:g} s is needed")
    if seconds < SHORTEST_SECONDS:
        raise StyleError(f"a style window of {seconds:g} s is too short; take at least {SHORTEST_SECONDS:g} s")
    if start is None:
        start = _best_start(waveform, seconds)
    elif not 0 <= start <= total - SHORTEST_SECONDS:
        raise StyleError(
            f"the style window cannot start at {start:g} s of {total:.1f} s; "
            f"take a start from 0 to {total - SHORTEST_SECONDS:.1f}"
        )
    first = round(start * rate)
    chosen = Waveform(waveform.samples[:, first : first + round(seconds * rate)], rate)
    refuse_without_style(chosen)
    return Window(chosen, first / rate)


def refuse_without_style(waveform: Waveform) -> None:
    """Raise ``StyleError`` where ``waveform`` is silent, or noise without pitch or rhythm."""
    power = float(np.mean(np.square(waveform.samples, dtype=np.float64)))
    level = 10 * math.log10(power) if power > 0 else -math.inf
    if level < SILENCE_DB:
        raise StyleError(f"the style audio is silent ({level:.0f} dBFS there); choose another part or file")
    if noisiness(waveform) > _NOISE_FLATNESS and _unsteadiness(waveform) < _STEADY_DB:
        raise StyleError("the style audio sounds like noise, without pitch or rhythm; choose another part or file")


def noisiness(waveform: Waveform) -> float:
    """Spectral flatness from 0 (tones) to 1 (noise), averaged over half octaves from 200 Hz by their power.

    Flatness is the geometric over the arithmetic mean of the power spectrum. Taken within half octaves it does not
    depend on the noise's colour; taken of the spectrum averaged over time, noise comes near 1 and tones stay peaks.
    """
    rate = waveform.sample_rate
    size = 1 << round(math.log2(rate / 6))
    frequencies, power = welch(to_mono(waveform).samples[0].astype(np.float64), rate, nperseg=size)
    edges = 200 * 2 ** np.arange(0, math.log2(max(0.45 * rate, 283) / 200), 0.5)
    if power.max() <= 0:
        return 0.0
    flatness, weight = 0.0, 0.0
    for low, high in pairwise(edges):
        band = np.maximum(power[(frequencies >= low) & (frequencies < high)], power.max() * 1e-12)
        flatness += float(np.exp(np.log(band).mean())) * len(band)
        weight += float(band.sum())
    return flatness / weight


def _unsteadiness(waveform: Waveform) -> float:
    """Spread in dB of the level of 20 ms frames; the first difference keeps low rumble from ruling it."""
    change = Waveform(np.diff(waveform.samples, axis=1), waveform.sample_rate)
    return float(_levels(change, 0.02).std())


def _levels(waveform: Waveform, seconds: float) -> Doubles:
    """Level of each frame of ``seconds`` in dB, not below the floor."""
    frame = round(seconds * waveform.sample_rate)
    power = np.square(waveform.samples, dtype=np.float64).mean(axis=0)
    power = power[: len(power) // frame * frame].reshape(-1, frame).mean(axis=1)
    levels: Doubles = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    return levels


def _best_start(waveform: Waveform, seconds: float) -> float:
    """Highest mean level less half its spread; the earliest of equals."""
    levels = _levels(waveform, _FRAME_SECONDS)
    frames = min(math.ceil(seconds / _FRAME_SECONDS), len(levels))
    windows = sliding_window_view(levels, frames)
    best = int(np.argmax(np.round(windows.mean(axis=1) - windows.std(axis=1) / 2, 6)))
    return min(best * _FRAME_SECONDS, max(waveform.seconds - seconds, 0))
