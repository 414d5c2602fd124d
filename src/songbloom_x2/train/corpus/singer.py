"""A voice sings a score: timed lines, F0, and voice frames at 100 Hz for the whole song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songbloom_x2.train.corpus import voice_params
from songbloom_x2.train.corpus.pitch import hertz, midi_curve
from songbloom_x2.train.corpus.score import Score
from songbloom_x2.train.corpus.synthesiser import FRAMES_A_STEP, Synthesiser
from songbloom_x2.train.corpus.timing import GRID, Note, TimedLine, time_line
from songbloom_x2.train.corpus.voice_params import FRAME_RATE, NATIVE_RATE, VoiceFrames
from songbloom_x2.train.corpus.voices import Voice, colour
from songbloom_x2.types import FloatArray

_SECTION_DB = {"verse": -1.5, "bridge": -0.5, "chorus": 1.0}
_LEAD_IN = 0.5
_LEAD_OUT = 0.35
_HELD_HZ = 160.0


@dataclass(frozen=True)
class Performance:
    """What was sung: the lines as timed, and the voice frames of the song."""

    lines: tuple[TimedLine, ...]
    frames: VoiceFrames


def timed_lines(score: Score) -> tuple[TimedLine, ...]:
    """Every line of ``score`` with its phonemes in time; needs no synthesiser."""
    rng = np.random.default_rng([score.seed, 3])
    out: list[TimedLine] = []
    spans = [(line.notes[0][0].onset, line.notes[-1][-1]) for line in score.lines]
    for index, line in enumerate(score.lines):
        onset, last = spans[index]
        before = spans[index - 1][1] if index else None
        earliest = 0.0 if before is None else before.onset + before.duration + 0.02
        start = _on_grid(max(earliest, onset - _LEAD_IN, 0.0))
        out.append(
            time_line(line.lyric.syllables, line.notes, start, _on_grid(last.onset + last.duration + _LEAD_OUT), rng)
        )
    return tuple(out)


def _on_grid(seconds: float) -> float:
    return round(seconds / GRID) * GRID


def perform(score: Score, synthesiser: Synthesiser) -> Performance:
    """Sing the score at the synthesiser's own level (see ``song`` for the level in the mixture)."""
    rng = np.random.default_rng([score.seed, 4])
    voice = score.voice
    native = round(score.seconds * NATIVE_RATE) + 2
    frames = round(score.seconds * FRAME_RATE)
    bands = voice_params.silence(native)
    pitch = np.full(native, np.nan, np.float32)
    voiced = np.zeros(native, bool)
    lines = timed_lines(score)
    for line, sung in zip(lines, score.lines, strict=True):
        flat = [note for group in sung.notes for note in group]
        count = sum(line.steps) * FRAMES_A_STEP
        hz = hertz(midi_curve(flat, line.start, count, NATIVE_RATE, voice, rng))
        sounding = synthesiser.voiced(line)
        branches = colour(synthesiser.sing(line, np.where(sounding, hz, 0).astype(np.float32)), voice)
        made = voice_params.compress(branches.harmonic, branches.noise, branches.free, np.where(sounding, hz, 0))
        gain = _dynamics(flat, line.start, count, rng) + _SECTION_DB.get(score.sections[sung.section].name, 0.0)
        made = voice_params.scale(made, (10 ** (gain / 20)).astype(np.float32))
        first = round(line.start * NATIVE_RATE)
        _breathe(bands, voiced, first + line.steps[0] * FRAMES_A_STEP, voice, rng)
        _lay(bands, pitch, voiced, first, made, hz, sounding)
    return Performance(lines, _at_frame_rate(bands, pitch, voiced, frames))


def _dynamics(notes: list[Note], start: float, count: int, rng: np.random.Generator) -> FloatArray:
    """A line's loudness in dB ``[count]``: a swell towards its middle, small accents, long notes that grow and fade."""
    time = start + np.arange(count) / NATIVE_RATE
    begin, end = notes[0].onset, notes[-1].onset + notes[-1].duration
    swell = rng.uniform(0.5, 2.0) * np.sin(np.pi * np.clip((time - begin) / max(end - begin, 0.1), 0, 1)) - 1.0
    accents = np.zeros(count)
    for note in notes:
        inside = (time >= note.onset) & (time < note.onset + note.duration)
        accents[inside] = rng.normal(0, 0.8)
        if note.duration > 0.5:
            place = (time[inside] - note.onset) / note.duration
            accents[inside] += 1.2 * np.sin(np.pi * place) - 2.0 * np.clip((place - 0.75) / 0.25, 0, 1)
    kernel = np.hanning(9)
    return np.asarray(swell + np.convolve(accents, kernel / kernel.sum(), "same"), np.float32)


def _breathe(
    bands: FloatArray,
    voiced: npt.NDArray[np.bool_],
    onset: int,
    voice: Voice,
    rng: np.random.Generator,
) -> None:
    """Lay a breath of about a third of a second before frame ``onset``, where there is room for one."""
    length, gap = int(rng.integers(20, 30)), 5
    first = onset - gap - length
    if first < 1 or voice.breathing < -15 or voiced[max(0, first - 6) : onset].any():
        return
    time = np.linspace(0, 1, length)
    swell = np.sin(np.pi * time**0.7) ** 0.8
    centres = voice_params.band_centres(voice_params.NOISE_BANDS) * voice_params.BIN_HZ
    colour_db = -10 * np.log2(np.maximum(centres, 500) / 2500) ** 2 / 2
    level = voice.breathing - 16.0
    gain = 10 ** ((level + colour_db[None] + 20 * np.log10(swell + 1e-3)[:, None]) / 20)
    noise = 0.5 * np.log((2.0 * gain) ** 2 + voice_params.FLOOR**2)
    part = bands[first : first + length, voice_params.HARMONIC_BANDS :]
    np.maximum(part, noise.astype(np.float32), out=part)


def _lay(
    bands: FloatArray,
    pitch: FloatArray,
    voiced: npt.NDArray[np.bool_],
    first: int,
    made: FloatArray,
    hz: FloatArray,
    sounding: npt.NDArray[np.bool_],
) -> None:
    """Put a line's frames into the song's; where two lines overlap, the louder frame stays."""
    count = min(len(made), len(bands) - first)
    there, spoken = bands[first : first + count], voiced[first : first + count]
    louder = _power(made[:count], sounding[:count]) >= _power(there, spoken)
    there[louder] = made[:count][louder]
    speaks = louder & sounding[:count]
    pitch[first : first + count][speaks] = hz[:count][speaks]
    spoken[louder] = sounding[:count][louder]


def _power(bands: FloatArray, voiced: npt.NDArray[np.bool_]) -> FloatArray:
    """How loud frames are; the harmonic bands say nothing where no harmonics sound (they rest, they are not silent)."""
    harmonic = np.exp(2 * bands[:, : voice_params.HARMONIC_BANDS]).sum(1) * voiced
    return np.asarray(harmonic + np.exp(2 * bands[:, voice_params.HARMONIC_BANDS :]).sum(1))


def _at_frame_rate(bands: FloatArray, pitch: FloatArray, voiced: npt.NDArray[np.bool_], frames: int) -> VoiceFrames:
    """From 80 to 100 Hz; F0 runs straight through what is unvoiced."""
    known = np.flatnonzero(~np.isnan(pitch))
    native_time = (np.arange(len(pitch)) + 0.5) / NATIVE_RATE
    time = (np.arange(frames) + 0.5) / FRAME_RATE
    f0 = np.full(frames, _HELD_HZ)
    if len(known):
        f0 = np.exp(np.interp(time, native_time[known], np.log(pitch[known])))
    nearest = np.clip((time * NATIVE_RATE).astype(int), 0, len(voiced) - 1)
    return VoiceFrames(voice_params.resample(bands, frames), f0.astype(np.float32), voiced[nearest])
