"""From a corpus annotation to the aligned sketch that the embedded model learns: one record a 40 ms frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from songbloom_x2.conditioning import clock
from songbloom_x2.config import FRAME_RATE, AlignmentConfig, LyricsConfig
from songbloom_x2.types import IntArray

JOINED = 0.06
"""Seconds: a shorter silence between two phonemes of a line belongs to the first."""


@dataclass(frozen=True)
class AlignedSketch:
    """``T`` frames; int64 ``[T]`` each, as ``conditioning.prior.SketchHistory`` and ``alignment.AlignmentState`` count.

    ``ids`` are the lyric rows, in the model's vocabulary.
    """

    ids: tuple[int, ...]
    current: IntArray
    pitch: IntArray
    pointer: IntArray
    chord: IntArray
    run: IntArray
    slots: IntArray
    """Chord of each harmony slot (half a bar)."""
    tempo: float
    key: int


def lyric_ids(annotation: Mapping[str, Any], lyrics: LyricsConfig, instrumental_seconds: float) -> tuple[int, ...]:
    """Lyric rows of an annotated song, as the text front end makes them from its lyrics."""
    index = {symbol: i for i, symbol in enumerate(lyrics.vocabulary)}
    rows: list[int] = []
    for section in annotation["sections"]:
        tag = index[f"[{section['name']}]"]
        if rows:
            rows.append(index[","])
        lines = [line for line in annotation["lines"] if section["start"] <= line["notes"][0][0] < section["end"]]
        if not lines:
            repeats = max(1, round((section["end"] - section["start"]) / instrumental_seconds))
            rows += [tag] * repeats
            continue
        rows.append(tag)
        for number, line in enumerate(lines):
            if number:
                rows.append(index["."])
            rows += [index[phoneme[0]] for phoneme in line["phonemes"]]
    return tuple(rows)


def _chords(annotation: Mapping[str, Any], frames: int, tempo: float) -> IntArray:
    """Chord of each harmony slot, from the annotated bars; the last chord holds to the end."""
    events = [
        (chord["start"], 2 * chord["root"] + chord["minor"])
        for section in annotation["sections"]
        for chord in section["chords"]
    ]
    starts = np.array([start for start, _ in events])
    values = np.array([value for _, value in events], dtype=np.int64)
    seconds_a_slot = clock.EIGHTHS_A_SLOT * 30 / tempo
    count = int(frames / FRAME_RATE / seconds_a_slot) + 2
    middles = (np.arange(count) + 0.5) * seconds_a_slot
    return values[np.clip(np.searchsorted(starts, middles, side="right") - 1, 0, len(values) - 1)]


def align(
    annotation: Mapping[str, Any],
    frames: int,
    config: AlignmentConfig,
    lyrics: LyricsConfig,
    instrumental_seconds: float,
) -> AlignedSketch:
    """Put the annotated phonemes, pitches and chords of a song on ``frames`` sketch frames.

    Raises:
        ValueError: a phoneme finds no room before the song's end, or the tempo is not constant four-quarter time.
    """
    layout = config.layout
    index = {symbol: i for i, symbol in enumerate(layout.phonemes)}
    tempo = float(annotation["tempo"])
    none = len(layout.phonemes)
    current = np.full(frames, none, dtype=np.int64)
    pitch = np.full(frames, layout.pitches, dtype=np.int64)
    begun = np.zeros(frames, dtype=np.int64)
    position = 0
    for line in annotation["lines"]:
        phonemes = line["phonemes"]
        for number, (symbol, start, end, midi) in enumerate(phonemes):
            if number + 1 < len(phonemes) and phonemes[number + 1][1] - end <= JOINED:
                end = phonemes[number + 1][1]
            first = max(position, round(start * FRAME_RATE))
            last = max(first + 1, round(end * FRAME_RATE))
            if last > frames:
                raise ValueError(f"phoneme {symbol} at {start:.2f} s lies beyond the song's last frame")
            current[first:last] = index[symbol]
            pitch[first:last] = min(max(int(midi) - layout.lowest_pitch, 0), layout.pitches - 1)
            begun[first] += 1
            position = last
    pointer = np.cumsum(begun)
    run = np.ones(frames, dtype=np.int64)
    for t in range(1, frames):
        if current[t] == current[t - 1] and pointer[t] == pointer[t - 1]:
            run[t] = run[t - 1] + 1
    slots = _chords(annotation, frames, tempo)
    place = clock.slot(torch.arange(frames), torch.tensor(tempo)).numpy()
    return AlignedSketch(
        ids=lyric_ids(annotation, lyrics, instrumental_seconds),
        current=current,
        pitch=pitch,
        pointer=pointer.astype(np.int64),
        chord=slots[np.clip(place, 0, len(slots) - 1)],
        run=run,
        slots=slots,
        tempo=tempo,
        key=int(annotation["key"]),
    )
