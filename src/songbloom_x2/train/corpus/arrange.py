"""What the band plays: timed MIDI events for a score, part by part, as people would play them (a little late, a
little loud).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from songbloom_x2.train.corpus.drums import drum_bar
from songbloom_x2.train.corpus.harmony import Chord, chord_notes
from songbloom_x2.train.corpus.leads import lead_notes
from songbloom_x2.train.corpus.score import Score, Section
from songbloom_x2.train.corpus.style import DrumPattern, Style

CHORD, BASS, PAD, LEAD, ARP, DRUMS = 0, 1, 2, 3, 4, 9
"""MIDI channels of the parts."""


@dataclass(frozen=True)
class Hit:
    """A note of the band: ``start`` and ``length`` in seconds, ``velocity`` 1 to 127."""

    start: float
    length: float
    channel: int
    note: int
    velocity: int


@dataclass(frozen=True)
class Instrument:
    """A channel's sound: General MIDI ``bank`` and ``program``, ``volume`` and ``pan`` 0 to 127."""

    bank: int
    program: int
    volume: int
    pan: int


@dataclass(frozen=True)
class Arrangement:
    """Everything the band plays, and with what."""

    hits: tuple[Hit, ...]
    instruments: dict[int, Instrument] = field(default_factory=dict)


_QUIET_INTROS = ("ballad", "folk", "waltz", "rnb", "lofi", "soul")
_Option = TypeVar("_Option")
_ENERGY = {"intro": 0.35, "verse": 0.55, "chorus": 1.0, "bridge": 0.7, "inst": 0.85, "outro": 0.6}


@dataclass(frozen=True)
class Groove:
    """The steps of a bar in seconds, with swing and the players' own unsteadiness."""

    style: Style
    bar: float
    rng: np.random.Generator

    @property
    def steps(self) -> int:
        """Steps in a bar."""
        return 4 * self.style.beats

    def at(self, start: float, step: float) -> float:
        """When ``step`` of the bar beginning at ``start`` sounds."""
        one = self.bar / self.steps
        grid = 1 if self.style.swing_sixteenths else 2
        late = self.style.swing * grid * one * 0.5 if int(step) % (2 * grid) == grid else 0.0
        return max(0.0, start + step * one + late + self.rng.normal(0, 0.004 * self.style.humanise))

    def loud(self, velocity: float) -> int:
        """A velocity with the hand's own variation."""
        return int(np.clip(velocity + self.rng.normal(0, 4.5 * self.style.humanise), 12, 127))


def instruments(style: Style, rng: np.random.Generator) -> dict[int, Instrument]:
    """Draw the band's instruments, volumes and places in the stereo picture."""

    def pick(programs: tuple[int, ...]) -> int:
        return programs[int(rng.integers(len(programs)))] if programs else 0

    def volume(part: str, base: float) -> int:
        decibel = style.levels.get(part, 0.0) + rng.uniform(-1.5, 1.5)
        return int(np.clip(base * 10 ** (decibel / 40), 20, 127))

    side = int(rng.choice((-1, 1)))
    return {
        CHORD: Instrument(0, pick(style.chord_programs), volume("chord", 86), 64 + side * int(rng.integers(8, 26))),
        BASS: Instrument(0, pick(style.bass_programs), volume("bass", 100), 64),
        PAD: Instrument(
            0, pick(style.pad_programs), volume("pad", 48 + 26 * style.pad_level), 64 - side * int(rng.integers(6, 24))
        ),
        LEAD: Instrument(0, pick(style.lead_programs), volume("lead", 84), 64 - side * int(rng.integers(4, 20))),
        ARP: Instrument(0, pick(style.arp_programs), volume("arp", 66), 64 + side * int(rng.integers(24, 44))),
        DRUMS: Instrument(128, pick(style.kits), volume("drums", 96), 64),
    }


def arrange(score: Score) -> Arrangement:
    """The band's part of ``score``."""
    rng = np.random.default_rng([score.seed, 2])
    style = score.style
    groove = Groove(style, score.bar, rng)
    patterns = _draw_patterns(style, rng)
    hits: list[Hit] = []
    voicing: list[int] | None = None
    for section in score.sections:
        bars = len(section.chords) - (1 if section is score.sections[-1] else 0)
        for bar in range(bars):
            voicing = chord_notes(section.chords[bar], 60, voicing)
            hits += _bar(groove, patterns, score, section, bar, bars, voicing)
    for start, length, note, velocity in lead_notes(score, rng):
        hits.append(Hit(start, length, LEAD, note, velocity))
    hits += _ending(score, groove, voicing)
    return Arrangement(tuple(sorted(hits, key=lambda hit: (hit.start, hit.channel, hit.note))), instruments(style, rng))


@dataclass(frozen=True)
class _Patterns:
    """What was drawn for a song: (calm, full) patterns of chords, bass and drums, and one of the arpeggio."""

    comp: tuple[str, str]
    bass: tuple[str, str]
    drums: tuple[DrumPattern, DrumPattern]
    arp: str


def _draw_patterns(style: Style, rng: np.random.Generator) -> _Patterns:
    def of(options: Sequence[_Option]) -> _Option:
        return options[int(rng.integers(len(options)))]

    return _Patterns(
        comp=(of(style.comp[0]), of(style.comp[1])),
        bass=(of(style.bass[0]), of(style.bass[1])),
        drums=(of(style.drums[0]), of(style.drums[1])),
        arp=of(style.arp) if style.arp else "",
    )


def _bar(
    groove: Groove, patterns: _Patterns, score: Score, section: Section, bar: int, bars: int, voicing: list[int]
) -> list[Hit]:
    """Everything in bar ``bar`` of the ``bars`` of a section; quiet sections leave parts out."""
    style, name = groove.style, section.name
    energy = _ENERGY[name]
    full = int(energy >= 0.68)
    start = section.start + bar * score.bar
    chord, after = section.chords[bar], section.chords[(bar + 1) % len(section.chords)]
    hits = comp_bar(groove, patterns.comp[full], chord, voicing, start, energy)
    if not (name == "intro" and start == 0):
        hits += bass_bar(groove, patterns.bass[full], chord, after, start, energy)
    if full or (style.pad_level > 0.6 and name != "intro"):
        length = score.bar * 0.98
        hits += [Hit(groove.at(start, 0), length, PAD, note, groove.loud(52 + 16 * energy)) for note in voicing[:3]]
    if patterns.arp and (full or name == "intro"):
        hits += arp_bar(groove, patterns.arp, voicing, start, energy)
    if not (name == "intro" and style.name in _QUIET_INTROS):
        fill, crash = bar == bars - 1 and bars > 1, bar == 0 and full == 1
        beaten = drum_bar(groove, patterns.drums[full], start, energy, fill=fill, crash=crash)
        hits += [Hit(*hit) for hit in beaten]
    return hits


def _lengths(pattern: str, sounding: str) -> list[tuple[int, str, int]]:
    """(step, sign, steps until the next sign) of every sign of ``pattern`` in ``sounding``."""
    marks = [(at, sign) for at, sign in enumerate(pattern) if sign != "."]
    ends = [at for at, _ in marks[1:]] + [len(pattern)]
    return [(at, sign, end - at) for (at, sign), end in zip(marks, ends, strict=True) if sign in sounding]


def comp_bar(groove: Groove, pattern: str, chord: Chord, voicing: list[int], start: float, energy: float) -> list[Hit]:
    """A bar of chords, struck, strummed or picked."""
    step, style, out = groove.bar / groove.steps, groove.style, []
    for at, sign, length in _lengths(pattern, "xs>123456"):
        base = {"s": 76, ">": 96}.get(sign, 70) + 18 * energy - (6 if at % 4 else 0)
        seconds = step * (0.9 if sign == "s" else length * 0.94)
        if sign.isdigit():
            notes = [(voicing + [note + 12 for note in voicing])[int(sign) - 1]]
        elif style.power:
            root = 40 + (chord.root - 40) % 12
            notes = [root, root + 7, root + 12]
            seconds = step * (0.85 if length <= 2 and sign == "x" else length * 0.94)
        else:
            notes = voicing
        when, down = groove.at(start, at), at % 4 == 0
        for rank, note in enumerate(notes if down else notes[::-1]):
            hit_at = when + style.strum * rank / max(len(notes), 1)
            out.append(Hit(hit_at, seconds, CHORD, note, groove.loud(base)))
    return out


def arp_bar(groove: Groove, pattern: str, voicing: list[int], start: float, energy: float) -> list[Hit]:
    """A bar of broken chord, an octave above the chords."""
    step = groove.bar / groove.steps
    notes = [note + 12 for note in (*voicing, voicing[0] + 12)]
    signs = _lengths(pattern[: groove.steps], "1234")
    return [
        Hit(
            groove.at(start, at),
            step * min(length, 2) * 0.8,
            ARP,
            notes[min(int(sign), len(notes)) - 1],
            groove.loud(48 + 22 * energy),
        )
        for at, sign, length in signs
    ]


def bass_bar(groove: Groove, pattern: str, chord: Chord, after: Chord, start: float, energy: float) -> list[Hit]:
    """A bar of bass."""
    root = 28 + (chord.root - 28) % 12
    target = 28 + (after.root - 28) % 12
    approach = target - 1 if target > root else target + 1 if target < root else root + 7
    third = root + (3 if chord.minor else 4)
    pitch = {
        "1": root,
        "5": root + 7 if root < 35 else root - 5,
        "3": third,
        "8": root + 12,
        "7": root - 2,
        "a": approach,
    }
    step = groove.bar / groove.steps
    return [
        Hit(
            groove.at(start, at),
            step * length * 0.92,
            BASS,
            pitch[sign],
            groove.loud(84 + 16 * energy - (4 if at % 4 else 0)),
        )
        for at, sign, length in _lengths(pattern, "15387a")
    ]


def _ending(score: Score, groove: Groove, voicing: list[int] | None) -> list[Hit]:
    """The last chord, left to ring."""
    chord, close, ring = score.key.tonic, score.close, score.ring
    hold = ring * 0.8
    notes = chord_notes(chord, 60, voicing)
    root = 28 + (chord.root - 28) % 12
    if score.style.power:
        low = 40 + (chord.root - 40) % 12
        notes = [low, low + 7, low + 12]
    out = [Hit(close + score.style.strum * rank, hold, CHORD, note, groove.loud(84)) for rank, note in enumerate(notes)]
    out.append(Hit(close, hold, BASS, root, groove.loud(94)))
    if score.style.pad_level > 0.6:
        out += [Hit(close, hold, PAD, note, groove.loud(58)) for note in notes[:3]]
    out.append(Hit(close, 0.3, DRUMS, 36, groove.loud(96)))
    if score.sections[-1].name != "intro" and score.style.pad_level < 0.85:
        out.append(Hit(close, 0.3, DRUMS, 49, groove.loud(80)))
    return out
