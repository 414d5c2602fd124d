"""From a corpus annotation to the aligned sketch that the embedded model learns: one record a 40 ms frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.alignment import VOWELS
from songbloom_x2.config import FRAME_RATE, AlignmentConfig, LyricsConfig, SketchLayout
from songbloom_x2.train.corpus.record import Annotation
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


def lyric_ids(song: Annotation, lyrics: LyricsConfig, instrumental_seconds: float) -> tuple[int, ...]:
    """Lyric rows of an annotated song, as the text front end makes them from its lyrics."""
    index = {symbol: i for i, symbol in enumerate(lyrics.vocabulary)}
    rows: list[int] = []
    for number, section in enumerate(song.sections):
        tag = index[f"[{section.name}]"]
        if rows:
            rows.append(index[","])
        lines = [line for line in song.lines if line.section == number]
        if not lines:
            rows += [tag] * max(1, round((section.end - section.start) / instrumental_seconds))
            continue
        rows.append(tag)
        for place, line in enumerate(lines):
            if place:
                rows.append(index["."])
            rows += [index[phoneme[0]] for phoneme in line.phonemes]
    return tuple(rows)


def _chords(song: Annotation, frames: int) -> IntArray:
    """Chord of each harmony slot, from the annotated bars; the last chord holds to the end."""
    chords = [chord for section in song.sections for chord in section.chords]
    starts = np.array([chord.start for chord in chords])
    values = np.array([2 * chord.root + chord.minor for chord in chords], dtype=np.int64)
    seconds_a_slot = clock.EIGHTHS_A_SLOT * 30 / song.tempo
    count = int(frames / FRAME_RATE / seconds_a_slot) + 2
    middles = (np.arange(count) + 0.5) * seconds_a_slot
    return np.asarray(values[np.clip(np.searchsorted(starts, middles, side="right") - 1, 0, len(values) - 1)])


def _pitch(midi: int, layout: SketchLayout) -> int:
    return min(max(int(midi) - layout.lowest_pitch, 0), layout.pitches - 1)


def align(
    song: Annotation,
    frames: int,
    config: AlignmentConfig,
    lyrics: LyricsConfig,
    instrumental_seconds: float,
) -> AlignedSketch:
    """Put the annotated phonemes, pitches and chords of a song on ``frames`` sketch frames.

    Raises:
        ValueError: a phoneme finds no room before the song's end, or the song is not in four-quarter time.
    """
    if song.beats != clock.EIGHTHS_A_BAR // 2:
        raise ValueError(f"song {song.seed} has {song.beats} beats a bar; the bar clock counts four")
    layout = config.layout
    index = {symbol: i for i, symbol in enumerate(layout.phonemes)}
    none = len(layout.phonemes)
    current = np.full(frames, none, dtype=np.int64)
    pitch = np.full(frames, layout.pitches, dtype=np.int64)
    begun = np.zeros(frames, dtype=np.int64)
    position = 0
    for line in song.lines:
        for number, (symbol, start, end, midi) in enumerate(line.phonemes):
            if number + 1 < len(line.phonemes) and line.phonemes[number + 1][1] - end <= JOINED:
                end = line.phonemes[number + 1][1]
            first = max(position, round(start * FRAME_RATE))
            last = max(first + 1, round(end * FRAME_RATE))
            if last > frames:
                raise ValueError(f"phoneme {symbol} at {start:.2f} s lies beyond the song's last frame")
            current[first:last] = index[symbol]
            pitch[first:last] = _pitch(midi, layout)
            if symbol in VOWELS:
                # A vowel sung over several notes: its later notes begin inside it.
                for onset, _, note in line.notes:
                    if start + 1 / FRAME_RATE < onset < end:
                        pitch[min(max(round(onset * FRAME_RATE), first), last) : last] = _pitch(note, layout)
            begun[first] += 1
            position = last
    pointer = np.cumsum(begun)
    run = np.ones(frames, dtype=np.int64)
    for t in range(1, frames):
        if current[t] == current[t - 1] and pointer[t] == pointer[t - 1]:
            run[t] = run[t - 1] + 1
    slots = _chords(song, frames)
    place = clock.slot(torch.arange(frames), torch.tensor(song.tempo)).numpy()
    return AlignedSketch(
        ids=lyric_ids(song, lyrics, instrumental_seconds),
        current=current,
        pitch=pitch,
        pointer=pointer.astype(np.int64),
        chord=slots[np.clip(place, 0, len(slots) - 1)],
        run=run,
        slots=slots,
        tempo=song.tempo,
        key=song.key,
    )
