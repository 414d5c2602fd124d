"""A recording as a song's state: the sketch that was heard in it, as the engine would remember having sung it.

What was sung is taken from the sketch itself: the phonemes that were heard stand as the song's lyrics, one row each.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from songbloom_x2.conditioning import clock
from songbloom_x2.config import FRAME_RATE, SongConfig
from songbloom_x2.engine import SongState
from songbloom_x2.recognise.recogniser import RecognisedSketch
from songbloom_x2.types import IntArray, PreparedLyrics

TEXT = "[verse] (as it was heard)"
"""What stands for the words of a recording in its lyrics' text."""
_PAUSE_FRAMES = 8
"""A rest of so many frames ends a sentence."""


def heard_state(
    heard: RecognisedSketch, latents: Tensor, tempo: float, config: SongConfig
) -> tuple[SongState, PreparedLyrics]:
    """State and lyrics of a song whose first ``T`` frames (whole blocks) are ``heard``, over ``latents [D, T]``.

    Bars are those of the clock at ``tempo``; each harmony slot has the chord that was heard most in it.
    """
    alignment = config.alignment
    assert alignment is not None, "only an aligned model's sketch can be heard"
    layout, frames = alignment.layout, len(heard.phoneme)
    none = len(layout.phonemes)
    current, pitch = torch.from_numpy(heard.phoneme), torch.from_numpy(heard.pitch)
    sung = current < none
    begins = sung & (current != torch.cat([torch.tensor([none]), current[:-1]]))
    beats, place = torch.tensor(tempo), torch.arange(frames + 1)
    slots = torch.from_numpy(_slot_chords(heard.chord, clock.slot(place[:-1], beats).numpy(), layout.chords))
    chord = slots[clock.slot(place, beats).clamp(max=len(slots) - 1)]
    lead = slots[clock.leading_slot(place, beats).clamp(max=len(slots) - 1)]
    resting = layout.sung + chord[:-1] * layout.beats + clock.beat(place[:-1], beats)
    tokens = torch.where(sung, current * layout.pitches + pitch.clamp(max=layout.pitches - 1), resting)
    trail = {
        "current": _after(none, current),
        "pitch": _after(layout.pitches, torch.where(sung, pitch, layout.pitches)),
        "run": _after(0, _runs(current, none)),
        "pointer": _after(0, begins.long().cumsum(0)),
        "frame": place,
        # Before the first frame no chord is decided yet.
        "chord": _after(layout.chords, chord[1:]),
        "lead": _after(layout.chords, lead[1:]),
    }
    state = SongState(tokens, latents.float().cpu(), trail=trail)
    return state, _lyrics(current, begins, config)


def _after(first: int, values: Tensor) -> Tensor:
    return torch.cat([torch.tensor([first]), values])


def _runs(current: Tensor, none: int) -> Tensor:
    """How many frames each has gone on, itself included."""
    runs, before, length = [], none, 0
    for value in current.tolist():
        length = length + 1 if value == before else 1
        before = value
        runs.append(length)
    return torch.tensor(runs, dtype=torch.int64)


def _slot_chords(chords: IntArray, slots: IntArray, classes: int) -> IntArray:
    return np.array([np.bincount(chords[slots == slot], minlength=classes).argmax() for slot in range(slots[-1] + 1)])


def _lyrics(current: Tensor, begins: Tensor, config: SongConfig) -> PreparedLyrics:
    assert config.alignment is not None
    phonemes, index = config.alignment.layout.phonemes, {s: i for i, s in enumerate(config.lyrics.vocabulary)}
    symbols, rest = ["[verse]"], 0
    for phoneme, new in zip(current.tolist(), begins.tolist(), strict=True):
        if phoneme >= len(phonemes):
            rest += 1
            continue
        if new:
            if rest >= _PAUSE_FRAMES and len(symbols) > 1:
                symbols.append(".")
            symbols.append(phonemes[phoneme])
        rest = 0
    if len(symbols) == 1:
        symbols = ["[inst]"]
    ids = tuple(index[symbol] for symbol in symbols)
    return PreparedLyrics(TEXT, tuple(symbols), ids, (), len(current) / FRAME_RATE)
