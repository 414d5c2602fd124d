"""Where the beats of a recording fall, and joining two recordings on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from songbloom_x2.audio.analysis import estimate_tempo, onset_envelope
from songbloom_x2.audio.crossfade import fades
from songbloom_x2.audio.loudness import integrated_lufs
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.types import FloatArray, Waveform

_LISTENED = 20.0
"""Seconds that beats are looked for in; a tempo that drifts is followed within them."""
LONGEST_FADE, SHORTEST_FADE = 1.0, 0.02


@dataclass(frozen=True)
class BeatGrid:
    """Beats at ``first``, ``first + period``, ... (seconds)."""

    first: float
    period: float

    def last_until(self, second: float) -> float:
        """The last beat at or before ``second``."""
        return self.first + math.floor((second - self.first) / self.period + 1e-6) * self.period

    def first_from(self, second: float) -> float:
        """The first beat at or after ``second``."""
        return self.first + math.ceil((second - self.first) / self.period - 1e-6) * self.period


def beat_grid(waveform: Waveform, around: float) -> BeatGrid | None:
    """The beats near second ``around``; none where no pulse is heard there."""
    rate = waveform.sample_rate
    start = min(max(around - _LISTENED / 2, 0.0), max(waveform.seconds - _LISTENED, 0.0))
    part = Waveform(waveform.samples[:, round(start * rate) : round((start + _LISTENED) * rate)], rate)
    tempo = estimate_tempo(part)
    if tempo is None:
        return None
    (onsets, a_second), period = onset_envelope(part), 60 / tempo
    phases = np.arange(0, period, 1 / a_second / 2)
    beats = np.arange(int(part.seconds / period) + 1) * period
    places = np.round((phases[:, None] + beats[None]) * a_second).astype(int)
    inside = places < len(onsets)
    strength = np.where(inside, onsets[np.minimum(places, len(onsets) - 1)], 0).sum(1) / np.maximum(inside.sum(1), 1)
    return BeatGrid(start + float(phases[int(np.argmax(strength))]), period)


@dataclass(frozen=True)
class Joined:
    """Two sounds as one. ``start`` is where the crossfade begins (seconds in the first), ``seconds`` how long it lasts,
    ``skipped`` what was left out of the second's beginning; ``on_beats``: whether the beats meet."""

    waveform: Waveform
    start: float
    seconds: float
    skipped: float
    on_beats: bool


def join_on_beats(
    first: Waveform,
    second: Waveform,
    *,
    until: float | None = None,
    seconds: float | None = None,
    second_beats: BeatGrid | None = None,
    match_loudness: bool = True,
) -> Joined:
    """``first`` to a beat before ``until`` (none: its end), an equal-power crossfade, then ``second`` from a beat on.

    The result has the rate and channels of the first; its samples before the crossfade are the first's own. ``seconds``
    is the crossfade's length (none: a beat, half a second where there are none). ``second_beats`` where they are known.
    """
    rate, channels = first.sample_rate, first.samples.shape[0]
    fitted = to_stereo(second) if channels == 2 else to_mono(second)
    following = resample(fitted, rate)
    if channels > 2:
        following = Waveform(np.repeat(to_mono(following).samples, channels, axis=0), rate)
    if match_loudness:
        following = like_loud(following, first, first.seconds if until is None else until)
    until = first.seconds if until is None else min(until, first.seconds)
    going, coming = beat_grid(first, until), second_beats or beat_grid(following, 0.0)
    on_beats = going is not None and coming is not None
    length = max(
        min(fade_seconds(going, until) if seconds is None else min(seconds, until), following.seconds / 2), 0.0
    )
    start, skipped = until - length, 0.0
    if going is not None and coming is not None:
        start = fade_start(going, until, length)
        skipped = max(coming.first_from(0.0), 0.0)
        if skipped + length > following.seconds:
            skipped = 0.0
    place, count, left = round(start * rate), round(length * rate), round(skipped * rate)
    less, more = fades(count, "equal_power")
    old, new = first.samples, following.samples[:, left:]
    middle = old[:, place : place + count] * less[: old.shape[1] - place] + new[:, :count] * more
    whole: FloatArray = np.concatenate([old[:, :place], middle.astype(np.float32), new[:, count:]], axis=1)
    return Joined(Waveform(whole, rate), start, length, skipped, on_beats)


def fade_seconds(beats: BeatGrid | None, until: float) -> float:
    """How long a crossfade that ends about ``until`` lasts: a beat, half a second where there are none."""
    return min(0.5 if beats is None else beats.period, LONGEST_FADE, until)


def fade_start(beats: BeatGrid, until: float, seconds: float) -> float:
    """The beat on which a crossfade of so many ``seconds`` begins, so that it is over by ``until``."""
    return max(beats.last_until(until - seconds), 0.0)


def like_loud(sound: Waveform, other: Waveform, until: float, seconds: float = 10.0) -> Waveform:
    """``sound`` as loud as ``other`` is in the ``seconds`` before ``until``; as it is where either is silent."""
    rate = other.sample_rate
    part = Waveform(other.samples[:, max(0, round((until - seconds) * rate)) : round(until * rate)], rate)
    wanted, here = integrated_lufs(part), integrated_lufs(sound)
    if not (np.isfinite(wanted) and np.isfinite(here)):
        return sound
    loud = (sound.samples * np.float32(10 ** ((wanted - here) / 20))).astype(np.float32)
    peak = float(np.abs(loud).max(initial=0))
    return Waveform(loud / max(peak, 1.0), sound.sample_rate)
