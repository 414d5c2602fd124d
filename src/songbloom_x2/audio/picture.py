"""A spectrogram as a PNG: time to the right, frequency upwards on a logarithmic scale, 80 dB of colour."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from songbloom_x2.audio.lettering import WIDTH, stamp
from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.png import encode_png
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform

_LOWEST_HZ, _HIGHEST_HZ = 40.0, 16000.0
_RANGE_DB = 80.0
_FAINTEST = 1e-6
"""The brightest colour is the loudest cell, but at least this power (1 is a sine of full scale): silence stays dark."""
_WINDOW_SECONDS = 0.085
_LEFT, _BELOW, _EDGE = 44, 18, 6
"""Pixels around the picture for the lettering."""
_COLOURS = 250
_PAPER, _INK = 250, 251
_STOPS = ("#0b0d1e", "#1d1a4a", "#4a2178", "#8a2a7f", "#c9416f", "#f2705a", "#fbab5c", "#fdf0b8")
"""From silence to the loudest: night blue, violet, rose, amber."""

Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


def spectrogram_png(waveform: Waveform, *, width: int = 1200, height: int = 360) -> bytes:
    """The PNG of ``waveform``'s mono mix, ``width`` x ``height`` pixels with its lettering.

    Raises ``AudioError`` for no sound, and ``ValueError`` for a picture too small for its lettering.
    """
    inner_width, inner_height = width - _LEFT - _EDGE, height - _BELOW - _EDGE
    if inner_width < 60 or inner_height < 40:
        raise ValueError(f"a spectrogram of {width} x {height} pixels is too small to be read")
    if waveform.samples.size == 0:
        raise AudioError("there is no sound to draw")
    top = min(_HIGHEST_HZ, waveform.sample_rate / 2)
    power = _cells(waveform, inner_width, np.geomspace(_LOWEST_HZ, top, inner_height + 1))
    decibels = 10 * np.log10(np.maximum(power / max(float(power.max()), _FAINTEST), 1e-20))
    shade = np.clip(1 + decibels / _RANGE_DB, 0, 1) * (_COLOURS - 1)
    pixels = np.full((height, width), _PAPER, np.uint8)
    pixels[_EDGE : _EDGE + inner_height, _LEFT : _LEFT + inner_width] = np.round(shade[::-1]).astype(np.uint8)
    _letter(pixels, waveform.seconds, top, inner_width, inner_height)
    return encode_png(pixels, _palette())


def _cells(waveform: Waveform, columns: int, edges: Doubles) -> Doubles:
    """Mean power of every cell, ``[bands, columns]``, the low bands first."""
    rate = waveform.sample_rate
    size = 1 << round(math.log2(_WINDOW_SECONDS * rate))
    mono = to_mono(waveform).samples[0]
    padded = np.pad(mono, size // 2)
    hop = max(1, min(size // 4, len(mono) // columns))
    window = np.hanning(size).astype(np.float32)
    window *= 2 / window.sum()  # a sine of full scale has power 1
    count = len(mono) // hop + 1
    bands = np.empty((len(edges) - 1, count))
    bins = edges * size / rate
    for first in range(0, count, 256):
        starts = np.arange(first, min(first + 256, count)) * hop
        frames = padded[np.minimum(starts[:, None] + np.arange(size), len(padded) - 1)] * window
        power = np.square(np.abs(np.fft.rfft(frames, axis=1))).astype(np.float64)
        bands[:, first : first + 256] = _averages(power, bins).T
    return _averages(bands, np.linspace(0, count - 1, columns + 1))


def _averages(rows: Doubles, edges: Doubles) -> Doubles:
    """Mean of each row between neighbouring ``edges`` (fractions of an index allowed), the values joined by lines."""
    if rows.shape[1] == 1:
        return np.repeat(rows, len(edges) - 1, axis=1)
    inside = (rows[:, 1:] + rows[:, :-1]) / 2
    total = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(inside, axis=1)], axis=1)
    index = np.clip(np.floor(edges).astype(np.int64), 0, rows.shape[1] - 2)
    part = edges - index
    slope = rows[:, index + 1] - rows[:, index]
    integral = total[:, index] + rows[:, index] * part + slope * np.square(part) / 2
    averages: Doubles = np.diff(integral, axis=1) / np.diff(edges)
    return np.maximum(averages, 0)


def _letter(pixels: Bytes, seconds: float, top: float, columns: int, rows: int) -> None:
    """Frequencies on the left, seconds below, a short tick at each."""
    for hertz, text in ((100, "100"), (300, "300"), (1000, "1k"), (3000, "3k"), (10000, "10k")):
        if hertz < top:
            place = math.log(hertz / _LOWEST_HZ) / math.log(top / _LOWEST_HZ)
            y = _EDGE + rows - 1 - round(place * (rows - 1))
            pixels[y, _LEFT - 5 : _LEFT] = _INK
            stamp(pixels, text, _LEFT - 8, y - 3, _INK, align="right")
    step = _time_step(seconds, columns)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    for number in range(int(seconds / step + 1e-9) + 1):
        x = _LEFT + min(round(number * step / seconds * columns), columns - 1)
        pixels[_EDGE + rows : _EDGE + rows + 4, x] = _INK
        text = f"{number * step:.{decimals}f}" if number else "0s"
        half = len(text) * WIDTH // 2
        stamp(pixels, text, min(x, pixels.shape[1] - half), _EDGE + rows + 6, _INK, align="middle")


def _time_step(seconds: float, columns: int) -> float:
    """The finest of 1, 2, 5, 10, ... that leaves 60 pixels between labels."""
    least = 60 * seconds / columns
    power = 10.0 ** math.floor(math.log10(least))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9)))


def _palette() -> Bytes:
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in _STOPS], dtype=np.float64)
    place = np.linspace(0, len(stops) - 1, _COLOURS)
    colours = np.stack([np.interp(place, np.arange(len(stops)), stops[:, channel]) for channel in range(3)], axis=1)
    extra = [[255, 255, 255], [70, 70, 80]]
    return np.concatenate([np.round(colours), extra]).astype(np.uint8)
