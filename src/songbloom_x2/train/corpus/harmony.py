"""Keys, scales and the chord progressions of sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)

_MAJOR_CHORDS = {
    "I": (0, False),
    "ii": (2, True),
    "iii": (4, True),
    "IV": (5, False),
    "V": (7, False),
    "vi": (9, True),
    "bVII": (10, False),
}
_MINOR_CHORDS = {
    "i": (0, True),
    "III": (3, False),
    "iv": (5, True),
    "v": (7, True),
    "V": (7, False),
    "VI": (8, False),
    "VII": (10, False),
}

_MAJOR = (
    "I V vi IV",
    "I vi IV V",
    "vi IV I V",
    "I IV I V",
    "I IV vi V",
    "IV V iii vi",
    "I iii IV V",
    "ii V I I",
    "I I IV V",
    "I bVII IV I",
    "I V IV IV",
    "IV I V vi",
    "I ii IV V",
    "vi ii V I",
    "I IV ii V",
    "I I vi IV",
)
_MINOR = (
    "i VI III VII",
    "i iv VII III",
    "i VII VI V",
    "i VI iv V",
    "i i iv v",
    "i III VII iv",
    "VI VII i i",
    "i VII i VI",
    "i iv i V",
    "iv i VI VII",
    "i v VI iv",
    "i VI VII i",
    "i III iv VI",
)


@dataclass(frozen=True)
class Chord:
    """A triad: ``root`` 0 to 11 (0 = C), ``minor`` or major, perhaps with its seventh."""

    root: int
    minor: bool
    seventh: bool = False

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes, root first."""
        triad = (self.root, self.root + (3 if self.minor else 4), self.root + 7)
        return tuple(tone % 12 for tone in triad)

    @property
    def index(self) -> int:
        """``2 * root + minor``, the sketch's chord number."""
        return 2 * self.root + int(self.minor)


@dataclass(frozen=True)
class Key:
    """A major or minor key; ``root`` 0 to 11 (0 = C)."""

    root: int
    minor: bool

    @property
    def index(self) -> int:
        """``2 * root + minor``."""
        return 2 * self.root + int(self.minor)

    @property
    def tonic(self) -> Chord:
        """The chord the song ends on."""
        return Chord(self.root, self.minor)

    def scale(self, chord: Chord) -> tuple[int, ...]:
        """Pitch classes that may be sung over ``chord``: the key's, bent where the chord itself leaves it."""
        steps = MINOR_SCALE if self.minor else MAJOR_SCALE
        tones = set(chord.tones)
        own = {(self.root + step) % 12 for step in steps}
        clash = {(tone + side) % 12 for tone in tones - own for side in (1, 11)} - tones
        return tuple(sorted((own | tones) - clash))


def progression(key: Key, sevenths: float, rng: np.random.Generator) -> tuple[Chord, ...]:
    """Four bars of chords in ``key``; ``sevenths`` is how likely they carry one (all or none)."""
    table, names = (_MINOR_CHORDS, _MINOR) if key.minor else (_MAJOR_CHORDS, _MAJOR)
    chosen = names[int(rng.integers(len(names)))].split()
    seventh = bool(rng.random() < sevenths)
    return tuple(Chord((key.root + table[name][0]) % 12, table[name][1], seventh) for name in chosen)


def chord_notes(chord: Chord, around: int, previous: Sequence[int] | None = None) -> list[int]:
    """Three or four MIDI notes of ``chord`` near ``around``, led from the ``previous`` chord with small steps."""
    tones = list(chord.tones)
    if chord.seventh:
        tones.append((chord.root + 10 + (0 if chord.minor else 1)) % 12)
    centre = float(np.mean(previous)) * 0.7 + around * 0.3 if previous else around
    notes = sorted(round((centre - tone) / 12) * 12 + tone for tone in tones)
    while notes[-1] - notes[0] > 16:
        notes = sorted([notes[0] + 12, *notes[1:]])
    return notes
