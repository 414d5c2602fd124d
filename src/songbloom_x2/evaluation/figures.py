"""Every figure of an evaluation: its name, what it says, how songs weigh in it, and what it needs to be measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from songbloom_x2.evaluate.sound import drift
from songbloom_x2.evaluate.statistics import RESAMPLES, summary

Need = Literal["sound", "lyrics", "voice", "sketch", "prompt", "prompt's sound", "style label", "voice label", "making"]


@dataclass(frozen=True)
class Figure:
    """``weight`` names the entry of a song's figures that weighs it (none: every song counts the same).

    ``goal``: what the embedded model is meant to reach, and whether more or less is better.
    """

    name: str
    text: str
    need: Need
    weight: str | None = None
    goal: tuple[Literal[">=", "<="], float] | None = None


FIGURES = (
    Figure("wer_voice", "word errors of the voice stem (Whisper base)", "voice", "words", ("<=", 0.15)),
    Figure("wer_mix", "word errors of the mix (Whisper base)", "lyrics", "words", ("<=", 0.30)),
    Figure("per_voice", "phoneme errors of the voice stem", "voice", "phonemes"),
    Figure("per_mix", "phoneme errors of the mix", "lyrics", "phonemes"),
    Figure("pitch_within_50c", "notes within 50 cents of the sketch", "sketch", "notes", (">=", 0.9)),
    Figure("notes_in_key", "notes, as heard, in the key of the prompt", "sketch", "notes", (">=", 0.9)),
    Figure("tempo_within_4pc", "tempo within 4 % of the prompt's (half and double count)", "prompt", None, (">=", 0.8)),
    Figure("tempo_same_octave", "the same, half and double not counted", "prompt"),
    Figure("key_shared", "key heard in the mix is the prompt's or shares all but one note with it", "prompt"),
    Figure("beat_wander_ms", "how far the beat strays from a constant tempo, ms", "sound"),
    Figure("sections_in_order", "sections of the lyrics heard in their order", "lyrics"),
    Figure("chorus_similarity", "repeated choruses: correlation of harmony", "sketch"),
    Figure("chorus_contrast", "the same, less that of verse and chorus", "sketch"),
    Figure("chorus_melody", "repeated choruses: correlation of the sung pitch", "sketch"),
    Figure("style_recognised", "style recognised from the sound of the band", "style label", None, (">=", 0.9)),
    Figure("voice_recognised", "voice recognised from the voice stem", "voice label", None, (">=", 0.7)),
    Figure("prompt_similarity", "band and prompt: cosine of their features", "prompt's sound"),
    Figure("prompt_nearest", "of all the model's styles, the prompt's own is the nearest", "prompt's sound"),
    Figure("excess_repetition", "word triples heard again beyond the lyrics' own", "lyrics"),
    Figure("longest_held", "longest stretch in which the sound does not change, s", "sound"),
    Figure("silent_share", "share of the sound under -60 dB", "sound"),
    Figure("longest_silence", "longest silence inside the song, s", "sound"),
    Figure("clipped", "share of the file's samples at full scale", "sound"),
    Figure("lufs", "integrated loudness as the model made it, LUFS", "sound"),
    Figure("true_peak", "true peak of the file, dB", "sound"),
    Figure("stereo_width", "power of the sides' difference over that of their sum", "sound"),
    Figure("ends_by_itself", "songs that the model ends", "making"),
    Figure("ends_in_time", "songs that end by themselves within 15 % of the estimate", "making", None, (">=", 0.9)),
    Figure("seconds", "length of a song, s", "sound"),
    Figure("real_time_factor", "seconds of making for a second of song", "making", None, ("<=", 0.5)),
)
DRIFTS = (
    Figure("drift", "change of colour common to all songs, last 10 s against first, dB", "sound"),
    Figure("drift_90s", "the same, the 10 s before second 90", "sound", None, ("<=", 1.0)),
)
_REASONS: Mapping[Need, str] = {
    "sound": "no song is long enough",
    "lyrics": "the lyrics are not known",
    "voice": "the voice is not to be had by itself",
    "sketch": "there is no sketch to compare with",
    "prompt": "tempo or key of the style prompt is not known",
    "prompt's sound": "the style prompt's sound, or what its features spread over songs, is not known",
    "style label": "no prompt is of a style that the listener knows",
    "voice label": "no prompt has a voice that the listener knows, or the voice is not to be had by itself",
    "making": "the songs were not made here",
}


def summarise(songs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``{"mean", "ci95", "n"}`` of every figure (nulls where nothing could be measured), and why not."""
    out: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for figure in FIGURES:
        chosen = [song for song in songs if song.get(figure.name) is not None]
        if figure.weight is not None:
            chosen = [song for song in chosen if song.get(figure.weight)]
        values = [float(song[figure.name]) for song in chosen]
        weights = None if figure.weight is None else [float(song[figure.weight]) for song in chosen]
        _note(out, missing, figure, _plain(summary(values, weights)))
    for figure, entry in zip(DRIFTS, ("colour_change", "colour_change_90s"), strict=True):
        rows = [song[entry] for song in songs if song.get(entry) is not None]
        _note(out, missing, figure, _drift(np.array(rows, dtype=np.float32)))
    out["not_measured"] = missing
    return out


def _note(out: dict[str, Any], missing: dict[str, str], figure: Figure, found: dict[str, Any]) -> None:
    out[figure.name] = found
    if not found["n"]:
        missing[figure.name] = _REASONS[figure.need]


def _plain(found: Mapping[str, float | int]) -> dict[str, Any]:
    return {"mean": None, "ci95": None, "n": 0} if not found["n"] else dict(found)


def _drift(rows: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    """Drift over songs with its bootstrap interval; a single song says nothing about what songs have in common."""
    if len(rows) < 2:
        return {"mean": None, "ci95": None, "n": 0}
    rng = np.random.default_rng(0)
    drawn = [drift(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES // 4)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": round(drift(rows), 4), "ci95": round(float(high - low) / 2, 4), "n": len(rows)}
