"""The F0 of a sung line: glides between notes, scoops into phrases, vibrato that comes late, slow drift."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from songbloom_x2.train.corpus.timing import Note
from songbloom_x2.train.corpus.voices import Voice
from songbloom_x2.types import FloatArray


def midi_curve(
    notes: Sequence[Note], start: float, frames: int, rate: float, voice: Voice, rng: np.random.Generator
) -> FloatArray:
    """Pitch as MIDI numbers ``[frames]`` at ``rate`` Hz from ``start`` (s): what ``voice`` makes of ``notes``."""
    time = start + (np.arange(frames) + 0.5) / rate
    pitch = np.full(frames, notes[0].midi, float)
    for left, right in itertools.pairwise(notes):
        step = right.midi - left.midi
        width = rng.uniform(0.016, 0.030) * (1.0 if abs(step) < 5 else 1.4)
        centre = right.onset - rng.uniform(0.01, 0.045)
        pitch += step / (1 + np.exp(-np.clip((time - centre) / width, -60, 60)))
    since = np.clip(time - notes[0].onset, 0, None)
    pitch -= rng.uniform(0.2, 1.0) * np.exp(-since / 0.06) * (time >= notes[0].onset - 0.2)
    depth = voice.vibrato_depth * rng.uniform(0.7, 1.3)
    speed = voice.vibrato_rate * rng.uniform(0.95, 1.05) * (1 + 0.03 * rng.standard_normal(frames))
    envelope = np.zeros(frames)
    for note in notes:
        if note.duration >= 0.35:
            onset = note.onset + min(0.3, 0.35 * note.duration)
            end = note.onset + note.duration
            rise = np.clip((time - onset) / 0.25, 0, 1) * np.clip((end - time) / 0.08, 0, 1)
            envelope = np.maximum(envelope, rise)
    pitch += depth * envelope * np.sin(2 * np.pi * np.cumsum(speed) / rate)
    kernel = np.exp(-((np.arange(-60, 61) / 20.0) ** 2) / 2)
    drift = np.convolve(rng.standard_normal(frames + 120), kernel / kernel.sum(), "valid")
    return np.asarray(pitch + 0.3 * drift, np.float32)


def hertz(midi: FloatArray) -> FloatArray:
    """MIDI numbers as Hz."""
    return (440.0 * 2.0 ** ((midi - 69.0) / 12.0)).astype(np.float32)
