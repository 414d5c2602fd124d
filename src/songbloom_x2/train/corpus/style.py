"""How a band may play, as a table: tempo, harmony, instruments, and patterns on a grid of steps.

A bar has ``4 * beats`` steps. In drum patterns ``X`` is loud, ``x`` plain, ``o`` soft, ``-`` ghost, ``.`` nothing. In
``comp`` and ``arp`` patterns ``x`` strikes the chord (``s`` short, ``>`` loud), digits 1 to 6 pick a chord note; in
bass patterns ``1`` is the root, ``5`` the fifth, ``3`` the third, ``8`` the octave, ``7`` the seventh below, ``a`` a
step towards the next root, ``_`` an end. Instruments are General MIDI programs (from 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

KICK, RIM, SNARE, CLAP, CLOSED, PEDAL, OPEN, CRASH, RIDE = 36, 37, 38, 39, 42, 44, 46, 49, 51
TAMBOURINE, COWBELL, BONGO, CONGA, SHAKER, CLAVES = 54, 56, 60, 63, 70, 75

DrumPattern = Mapping[int, str]


@dataclass(frozen=True)
class Style:
    """How one style plays. ``comp``, ``bass`` and ``drums`` hold (calm, full) alternatives: verses and choruses."""

    name: str
    tempo: tuple[int, int]
    chord_programs: tuple[int, ...]
    bass_programs: tuple[int, ...]
    pad_programs: tuple[int, ...]
    lead_programs: tuple[int, ...]
    kits: tuple[int, ...]
    comp: tuple[tuple[str, ...], tuple[str, ...]]
    bass: tuple[tuple[str, ...], tuple[str, ...]]
    drums: tuple[tuple[DrumPattern, ...], tuple[DrumPattern, ...]]
    beats: int = 4
    minor: float = 0.35
    """How often the key is minor."""
    swing: float = 0.0
    """How late the off-beat is, in parts of half its grid: 0 straight, 0.66 triplets."""
    swing_sixteenths: bool = False
    sevenths: float = 0.1
    power: bool = False
    """Chords as fifths and octaves (distorted guitars)."""
    strum: float = 0.0
    """Seconds from the lowest to the highest string."""
    pad_level: float = 0.5
    arp: tuple[str, ...] = ()
    arp_programs: tuple[int, ...] = ()
    humanise: float = 1.0
    levels: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Gain in dB by part (``chord``, ``bass``, ``pad``, ``lead``, ``arp``, ``drums``)."""


def drums(**lines: str) -> DrumPattern:
    """A drum pattern from its lines, one a drum: ``k`` kick, ``s`` snare, ``h`` hi-hat, ... (see the table)."""
    keys = {
        **{"k": KICK, "r": RIM, "s": SNARE, "c": CLAP, "h": CLOSED, "p": PEDAL, "o": OPEN, "y": RIDE, "t": TAMBOURINE},
        **{"w": COWBELL, "b": BONGO, "g": CONGA, "z": SHAKER, "v": CLAVES, "lt": 45, "ht": 48, "cr": CRASH},
    }
    return MappingProxyType({keys[name]: steps for name, steps in lines.items()})
