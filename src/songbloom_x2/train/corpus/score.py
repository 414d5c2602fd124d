"""A whole song on paper: sections, chords, lyrics and tune, before anybody sings or plays it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from songbloom_x2.train.corpus.form import Metre, SectionPlan, metre, plan_sections, wanted_seconds
from songbloom_x2.train.corpus.harmony import Chord, Key, progression
from songbloom_x2.train.corpus.lyrics import Lyricist, LyricLine
from songbloom_x2.train.corpus.melody import Grid, PhraseShape, phrase_shape, place
from songbloom_x2.train.corpus.style import Style
from songbloom_x2.train.corpus.styles import STYLES
from songbloom_x2.train.corpus.timing import Note
from songbloom_x2.train.corpus.voices import VOICES, Voice

INSTRUMENTAL = 0.06
"""How many songs nobody sings in."""
SILENCE = 0.6
"""Seconds of silence every song ends with."""
_LATENT_FRAME = 0.04
_MELISMA = {"soul": 0.5, "rnb": 0.4, "ballad": 0.35, "waltz": 0.25, "folk": 0.15, "country": 0.2, "pop": 0.12}


@dataclass(frozen=True)
class Section:
    """A section in time: ``start`` and ``end`` in seconds, a chord a bar (``chords``)."""

    name: str
    start: float
    end: float
    chords: tuple[Chord, ...]


@dataclass(frozen=True)
class ScoreLine:
    """A line to sing: its section's place in the song, the words, and one or more notes a syllable."""

    section: int
    lyric: LyricLine
    notes: tuple[tuple[Note, ...], ...]


@dataclass(frozen=True)
class Score:
    """The song on paper; ``seconds`` long. ``close`` is the downbeat of the last chord, which rings for ``ring`` s."""

    seed: int
    style: Style
    voice: Voice
    tempo: float
    key: Key
    sections: tuple[Section, ...]
    lines: tuple[ScoreLine, ...]
    close: float
    ring: float
    seconds: float

    @property
    def bar(self) -> float:
        """Seconds a bar."""
        return self.style.beats * 60 / self.tempo


def compose(
    seed: int,
    lyricist: Lyricist,
    *,
    style: Style | None = None,
    voice: Voice | None = None,
    seconds: float | None = None,
) -> Score:
    """The song of ``seed``; ``style``, ``voice`` and a wished length can be fixed."""
    rng = np.random.default_rng([seed, 1])
    drawn_style, drawn_voice = STYLES[int(rng.integers(len(STYLES)))], VOICES[int(rng.integers(len(VOICES)))]
    style, voice = style or drawn_style, voice or drawn_voice
    tempo = float(np.round(rng.uniform(*style.tempo), 1))
    key = Key(int(rng.integers(12)), bool(rng.random() < style.minor))
    timing = metre(style, tempo)
    wish = wanted_seconds(rng)
    plans = plan_sections(timing, seconds or wish, bool(rng.random() < INSTRUMENTAL), rng)
    writer = _Writer(style, voice, key, timing, lyricist, rng)
    sections, lines, start = [], [], 0.0
    for index, plan in enumerate(plans):
        chords = writer.chords(plan)
        end = start + plan.bars * timing.bar
        sections.append(Section(plan.name, start, end, chords))
        lines += writer.lines(index, plan, start, chords)
        start = end
    ring = float(max(timing.bar, rng.uniform(1.6, 2.8)))
    close, seconds = start, start + ring + SILENCE
    seconds = math.ceil(seconds / _LATENT_FRAME) * _LATENT_FRAME
    sections[-1] = replace(sections[-1], end=close + ring, chords=(*sections[-1].chords, key.tonic))
    return Score(seed, style, voice, tempo, key, tuple(sections), tuple(lines), close, ring, round(seconds, 4))


class _Writer:
    """Keeps what comes back in a song: progressions, tunes, and the chorus as it was first sung."""

    def __init__(
        self, style: Style, voice: Voice, key: Key, timing: Metre, lyricist: Lyricist, rng: np.random.Generator
    ) -> None:
        self._style, self._voice, self._key, self._timing = style, voice, key, timing
        self._lyricist, self._rng = lyricist, rng
        self._chords: dict[str, tuple[Chord, ...]] = {}
        self._shapes: dict[tuple[str, int, bool], PhraseShape] = {}
        self._chorus: dict[int, tuple[LyricLine, list[list[tuple[float, float, int]]]]] = {}
        beat_slots = timing.slots_a_bar / style.beats
        self._grid = Grid(timing.phrase_bars * timing.slots_a_bar, timing.slot, timing.slots_a_bar, beat_slots)

    def chords(self, plan: SectionPlan) -> tuple[Chord, ...]:
        source = (
            plan.name if plan.name in ("verse", "chorus", "bridge") else "chorus" if plan.name == "inst" else "verse"
        )
        if source not in self._chords:
            self._chords[source] = progression(self._key, self._style.sevenths, self._rng)
        loop = self._chords[source]
        return tuple(loop[bar % len(loop)] for bar in range(plan.bars))

    def lines(self, index: int, plan: SectionPlan, start: float, chords: Sequence[Chord]) -> list[ScoreLine]:
        out = []
        for number in range(plan.lines):
            begin = start + number * self._timing.phrase_bars * self._timing.bar
            if plan.name == "chorus" and number in self._chorus:
                lyric, relative = self._chorus[number]
            else:
                lyric, relative = self._line(plan, number, chords, first=start == 0 and number == 0)
                if plan.name == "chorus":
                    self._chorus[number] = lyric, relative
            notes = tuple(tuple(Note(begin + at, length, midi) for at, length, midi in group) for group in relative)
            out.append(ScoreLine(index, lyric, notes))
        return out

    def _line(
        self, plan: SectionPlan, number: int, chords: Sequence[Chord], *, first: bool
    ) -> tuple[LyricLine, list[list[tuple[float, float, int]]]]:
        grid, rng, bars = self._grid, self._rng, self._timing.phrase_bars
        span = grid.slots * grid.seconds
        rest = max(2, round(rng.uniform(0.45, 0.85) / grid.seconds))
        lead = math.ceil(0.45 / grid.seconds) if first else 0
        most = min(grid.slots - rest - lead, round(2.7 * span))
        lyric = self._lyricist.line(min(round(1.55 * span), most - 2), most, rng)
        closing = number + 1 == plan.lines
        under = [chords[(number * bars + bar) % len(chords)] for bar in range(bars)]
        letter = 0 if bars >= 4 or number % 2 == 0 else 1
        which = (plan.name, (number * bars) % 4 * 2 + letter, closing)
        if which not in self._shapes:
            lift = {"chorus": 3, "bridge": 1}.get(plan.name, 0)
            low, high = self._voice.lowest + lift, min(self._voice.highest - 2 + lift, self._voice.highest + 1)
            self._shapes[which] = phrase_shape(grid, under, self._key, low, high, rng, close=closing)
        shape = self._shapes[which]
        slots = place(lyric.syllables, shape, grid, (lead, rest), rng)
        return lyric, self._sung(slots, shape, grid)

    def _sung(
        self, slots: np.ndarray[tuple[int, ...], np.dtype[np.int64]], shape: PhraseShape, grid: Grid
    ) -> list[list[tuple[float, float, int]]]:
        rng = self._rng
        longest = max(2, round(1.3 / grid.seconds))
        room = grid.slots - max(1, round(0.35 / grid.seconds))
        groups = []
        for index, slot in enumerate(slots):
            last = index + 1 == len(slots)
            until = min(int(slot) + longest, room) if last else int(slots[index + 1])
            length = max(1, min(until - int(slot), longest))
            begin, seconds = int(slot) * grid.seconds, length * grid.seconds
            seconds *= 0.94 if last or until - slot > length else 0.98
            pitch = int(shape.pitches[slot])
            if length >= 2 and seconds >= 0.42 and rng.random() < _MELISMA.get(self._style.name, 0.06):
                other = int(shape.pitches[min(int(slot) + length // 2, grid.slots - 1)])
                if other != pitch and abs(other - pitch) <= 4:
                    half = seconds / 2
                    groups.append([(begin, half, pitch), (begin + half, half, other)])
                    continue
            groups.append([(begin, seconds, pitch)])
        return groups
