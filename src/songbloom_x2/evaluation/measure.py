"""One song to its figures: what its sound alone says, its words, and what is known of how it was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo
from songbloom_x2.audio.loudness import integrated_lufs, true_peak
from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.config import SketchLayout
from songbloom_x2.evaluate.harmony import contour_similarity, key_distance, notes_in_key
from songbloom_x2.evaluate.phonemes import phoneme_errors
from songbloom_x2.evaluate.pitch import PITCH_RATE, measured_pitch, notes_within, sketch_notes
from songbloom_x2.evaluate.recognition import Recogniser, similarity, style_features, voice_features
from songbloom_x2.evaluate.rhythm import beat_wander, tempo_error
from songbloom_x2.evaluate.sound import clipped, colour_change, longest_held, silence, stereo_width
from songbloom_x2.evaluate.structure import (
    chorus_pairs,
    excess_repetition,
    section_spans,
    sections_in_order,
    span_similarity,
    sung_sections,
)
from songbloom_x2.evaluate.words import word_errors
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.types import FloatArray, IntArray, Style, TimedWord, Waveform

TEMPO_TOLERANCE = 0.04
ENDING_TOLERANCE = 0.15
LONG_SONG = 90.0

Figures = dict[str, Any]


@dataclass(frozen=True)
class Prompt:
    """A named style as it sounds: features of its band, for ``prompt_nearest``."""

    name: str
    features: FloatArray


def of_sound(waveform: Waveform) -> Figures:
    """What any sound has."""
    share, longest = silence(waveform)
    tempo = estimate_tempo(waveform)
    lufs = integrated_lufs(waveform)
    changes = {"colour_change": colour_change(waveform), "colour_change_90s": colour_change(waveform, LONG_SONG)}
    return {
        "seconds": round(waveform.seconds, 3),
        "lufs": round(lufs, 2) if math.isfinite(lufs) else None,
        "silent_share": round(share, 4),
        "longest_silence": round(longest, 2),
        "longest_held": longest_held(waveform),
        "stereo_width": round(stereo_width(waveform), 4),
        "tempo_heard": None if tempo is None else round(tempo, 2),
        "key_heard": estimate_key(waveform),
        "beat_wander_ms": None if tempo is None else _rounded(beat_wander(waveform, tempo)),
        **{name: None if value is None else _row(value) for name, value in changes.items()},
    }


def of_file(waveform: Waveform) -> Figures:
    """Level of the sound as it is written to a file."""
    peak = true_peak(waveform)
    return {
        "true_peak": round(peak, 2) if math.isfinite(peak) else None,
        "clipped": round(clipped(waveform), 7),
    }


def of_words(lyrics: str, heard: str, part: str) -> Figures:
    """Errors of the words that were heard in a ``part`` of the song (``voice`` or ``mix``)."""
    words, phonemes = word_errors(lyrics, heard), phoneme_errors(lyrics, heard)
    return {
        f"heard_{part}": heard,
        f"wer_{part}": round(words.rate, 4),
        f"per_{part}": round(phonemes.rate, 4),
        "words": words.length,
        "phonemes": phonemes.length,
    }


def of_form(lyrics: str, heard: str) -> Figures:
    """Sections in order, and words that go in circles, by the better of what was heard."""
    order = sections_in_order(sung_sections(lyrics), heard)
    return {
        "sections_in_order": None if math.isnan(order) else round(order, 4),
        "excess_repetition": round(excess_repetition(lyrics, heard), 4),
    }


def of_prompt(waveform: Waveform, found: Figures, tempo: float | None, key: int | None) -> Figures:
    """Tempo and key that are heard against those of the style prompt; nothing where these are not known."""
    out: Figures = {}
    if tempo is not None:
        heard = found["tempo_heard"]
        out["beat_wander_ms"] = _rounded(beat_wander(waveform, tempo))
        out["tempo"] = tempo
        out["tempo_within_4pc"] = float(heard is not None and tempo_error(heard, tempo) <= TEMPO_TOLERANCE)
        exact = heard is not None and tempo_error(heard, tempo, octaves=False) <= TEMPO_TOLERANCE
        out["tempo_same_octave"] = float(exact)
    if key is not None:
        out["key"] = key
        out["key_shared"] = float(found["key_heard"] is not None and key_distance(found["key_heard"], key) <= 1)
    return out


def of_tune(voice: Waveform, tokens: IntArray, layout: SketchLayout, key: int | None) -> Figures:
    """The voice stem against the sketch."""
    midi, times = measured_pitch(at_rate(voice, PITCH_RATE))
    notes = sketch_notes(tokens, layout)
    good, measured = notes_within(notes, midi, times)
    out: Figures = {"notes": measured}
    if measured:
        out["pitch_within_50c"] = round(good / measured, 4)
        if key is not None and key < layout.chords:
            out["notes_in_key"] = round(notes_in_key(notes, key, midi, times)[0] / measured, 4)
    return out


def of_choruses(waveform: Waveform, voice: Waveform | None, lyrics: str, words: Sequence[TimedWord]) -> Figures:
    """How alike repeated choruses are, against how alike the first verse and the chorus are."""
    sections = sung_sections(lyrics)
    pairs, spans = chorus_pairs(sections), section_spans(sections, words)
    alike, melody = [], []
    contour = None if voice is None or not pairs else measured_pitch(at_rate(voice, PITCH_RATE))
    for first, second in pairs:
        a, b = spans[first], spans[second]
        if a is None or b is None:
            continue
        alike.append(span_similarity(waveform, a, b))
        if contour is not None:
            midi, times = contour
            curves = [midi[(times >= start) & (times < end)] for start, end in (a, b)]
            melody.append(contour_similarity(*curves))
    if not alike:
        return {}
    out: Figures = {"chorus_similarity": round(float(np.mean(alike)), 4)}
    known = [value for value in melody if not math.isnan(value)]
    if known:
        out["chorus_melody"] = round(float(np.mean(known)), 4)
    verse = next((spans[i] for i, section in enumerate(sections) if section.name == "verse" and spans[i]), None)
    chorus = spans[pairs[0][0]]
    if verse is not None and chorus is not None:
        other = span_similarity(waveform, verse, chorus)
        out["chorus_contrast"] = round(out["chorus_similarity"] - other, 4)
    return out


@dataclass(frozen=True)
class Features:
    """What a recogniser gets of a song: of its band (the mix where there are no stems), and of its voice."""

    band: FloatArray
    voice: FloatArray | None

    @classmethod
    def of(cls, band: Waveform, voice: Waveform | None) -> Features:
        """From the sound."""
        return cls(style_features(band), None if voice is None else voice_features(voice))


def of_recognition(
    features: Features, style: Style | None, listener: Listener | None, prompts: Sequence[Prompt]
) -> Figures:
    """Whether style, voice and prompt are recognised."""
    if listener is None:
        return {}
    out: Figures = {"style_heard": listener.style(features.band)}
    tags = () if style is None else style.tags
    wanted = _tagged(tags, listener.style)
    if wanted is not None:
        out["style_recognised"] = float(out["style_heard"] == wanted)
    if features.voice is not None:
        out["voice_heard"] = listener.voice(features.voice)
        singer = _tagged(tags, listener.voice)
        if singer is not None:
            out["voice_recognised"] = float(out["voice_heard"] == singer)
    own = next((prompt for prompt in prompts if style is not None and prompt.name == style.name), None)
    if own is not None:
        alike = {prompt.name: similarity(features.band, prompt.features, listener.style) for prompt in prompts}
        out["prompt_similarity"] = round(alike[own.name], 4)
        out["prompt_nearest"] = float(max(alike, key=lambda name: alike[name]) == own.name)
    return out


def of_ending(ending: str, seconds: float, estimate: float) -> Figures:
    """Whether the song ended by itself, and near the length that its lyrics let expect."""
    by_itself = ending == "end"
    near = abs(seconds / max(estimate, 1e-9) - 1) <= ENDING_TOLERANCE
    return {
        "ending": ending,
        "estimate": estimate,
        "ends_by_itself": float(by_itself),
        "ends_in_time": float(by_itself and near),
    }


def at_rate(waveform: Waveform, rate: int) -> FloatArray:
    """Mono samples ``[N]`` at ``rate``."""
    return np.asarray(resample(to_mono(waveform), rate).samples[0])


def _tagged(tags: Sequence[str], recogniser: Recogniser) -> str | None:
    return next((tag for tag in tags if tag in recogniser.names), None)


def _row(values: FloatArray) -> list[float | None]:
    """Plain numbers; bands beyond the sound's rate are unknown."""
    return [None if math.isnan(value) else round(float(value), 3) for value in values]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
