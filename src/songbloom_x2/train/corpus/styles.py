"""Sixteen ways a band may play, as tables: tempo, harmony, instruments, and patterns on a grid of steps.

A bar has ``4 * beats`` steps. In drum patterns ``X`` is loud, ``x`` plain, ``o`` soft, ``-`` ghost, ``.`` nothing. In ``comp``
and ``arp`` patterns ``x`` strikes the chord (``s`` short, ``>`` loud), digits 1 to 6 pick a chord note; in bass patterns ``1`` is
the root, ``5`` the fifth, ``3`` the third, ``8`` the octave, ``7`` the seventh below, ``a`` a step towards the next root, ``_``
an end. Instruments are General MIDI programs (from 0).
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


def _d(**lines: str) -> DrumPattern:
    keys = {
        **{"k": KICK, "r": RIM, "s": SNARE, "c": CLAP, "h": CLOSED, "p": PEDAL, "o": OPEN, "y": RIDE, "t": TAMBOURINE},
        **{"w": COWBELL, "b": BONGO, "g": CONGA, "z": SHAKER, "v": CLAVES, "lt": 45, "ht": 48, "cr": CRASH},
    }
    return MappingProxyType({keys[name]: steps for name, steps in lines.items()})


STYLES: tuple[Style, ...] = (
    Style(
        "pop", (96, 124), (0, 4, 27, 2), (33, 38, 34), (50, 89, 48), (80, 26, 73, 11), (0, 8),
        ((("x.......x.......", "x.....x.....x...")), (("x.....x.....x...", "x..x..x...x.x..."))),
        ((("1.......1.....5.", "1.....1.1.......")), (("1.....1.1.....5.", "1.1.1.1.1.1.5.a."))),
        (
            (_d(k="X.......X.x.....", s="....X.......X...", h="x.o.x.o.x.o.x.o."), _d(k="X.....x.X.......", r="....X.......X...", h="x.x.x.x.x.x.x.x.")),
            (_d(k="X.....x.X.x.....", s="....X.......X..-", h="x.x.x.x.x.x.x...", o="..............x."), _d(k="X..x..x.X.x.....", s="....X.......X...", h="xoxoxoxoxoxoxoxo", t="....x.......x...")),
        ),
        arp=("1...2...3...2...", "1.3.2.3.1.3.2.3."), arp_programs=(11, 81, 99),
    ),
    Style(
        "rock", (112, 152), (29, 30, 28), (34, 33), (18, 48), (29, 30), (16, 0),
        ((("x.x.x.x.x.x.x.x.", ">...x.x.>...x.x.")), ((">.x.x.x.>.x.x.x.", ">...>.x.x.>.x.x."))),
        ((("1.1.1.1.1.1.1.1.",)), (("1.1.1.1.1.1.5.a.", "1.1.1.8.1.1.1.a."))),
        (
            (_d(k="X.......X.......", s="....X.......X...", h="x.x.x.x.x.x.x.x."), _d(k="X.....x.X.x.....", s="....X.......X...", h="x.o.x.o.x.o.x.o.")),
            (_d(k="X.....x.X.x.....", s="....X.......X...", o="x...x...x...x...", cr="x..............."), _d(k="X..x..x.X.......", s="....X.......X.--", y="x.x.x.x.x.x.x.x.")),
        ),
        minor=0.5, power=True, sevenths=0.0, pad_level=0.35, levels=MappingProxyType({"chord": -3.0}),
    ),
    Style(
        "ballad", (60, 82), (0, 1, 4, 46), (32, 33), (48, 49, 91), (73, 40, 68), (40, 0),
        ((("1...2...3...2...", "1.2.3.2.4.3.2.3.")), (("1.2.3.2.4.3.2.3.", "x.......x...x..."))),
        ((("1...............", "1.......5.......")), (("1.....1.5.......", "1.......8...5..."))),
        (
            (_d(h="o...o...o...o...", r="........x......."), _d(k="x...............", r="........x.......", h="o.-.o.-.o.-.o.-.")),
            (_d(k="X.........x.....", s="........X.......", y="x.o.x.o.x.o.x.o."), _d(k="X.....x.........", s="........X......-", h="x.o.x.o.x.o.x.o.")),
        ),
        minor=0.45, sevenths=0.25, pad_level=0.9, humanise=1.4,
    ),
    Style(
        "dance", (120, 132), (81, 62, 90, 4), (38, 39, 87), (89, 95, 90), (80, 81, 84), (25, 24),
        ((("..s...s...s...s.", "s..s..s...s..s..")), (("..s...s...s...s.", "s..s..s.s..s..s."))),
        ((("..1...1...1...1.", "1...1...1...1...")), (("1.8.1.8.1.8.1.8.", "..1.1.1...1.1.8."))),
        (
            (_d(k="X...X...X...X...", h="..x...x...x...x."), _d(k="X...X...X...X...", c="....x.......x...", h="..x...x...x...x.")),
            (_d(k="X...X...X...X...", c="....X.......X...", o="..X...X...X...X.", h="x...x...x...x..."), _d(k="X...X...X...X...", c="....X.......X..-", o="..X...X...X...X.", z="xoxoxoxoxoxoxoxo")),
        ),
        minor=0.65, pad_level=0.7, humanise=0.3, arp=("1.2.3.4.3.2.1.2.", "4.3.2.1.4.3.2.1.", "123412341234123."), arp_programs=(81, 80, 87),
    ),
    Style(
        "folk", (84, 118), (24, 25, 105), (32,), (21, 40, 22), (22, 40, 74, 21), (40, 0),
        ((("1.3.2.3.1.3.2.3.", "x...x.x...x.x.x.")), (("x...x.xx..x.x.x.", "x.x.x.xxx.x.x.xx"))),
        ((("1.......5.......",)), (("1.......5.....a.", "1...5...1...5..."))),
        (
            (_d(z="o.-.o.-.o.-.o.-."), _d(k="x.......x.......", z="o.-.o.-.o.-.o.-.")),
            (_d(k="X.......X.......", r="....x.......x...", z="x.o.x.o.x.o.x.o.", t="....o.......o..."), _d(k="X.......X.....x.", s="....o.......o...", h="x.o.x.o.x.o.x.o.")),
        ),
        minor=0.3, sevenths=0.05, strum=0.03, pad_level=0.4, humanise=1.5,
    ),
    Style(
        "reggae", (68, 90), (27, 16, 0), (33, 32), (16, 17), (56, 66, 22), (0, 40),
        ((("....s.......s...", "....s.s.....s.s.")), (("....s.......s...", "....ss......ss.."))),
        ((("1..1....5..1..3.", "..1.1.5...1.5.3.")), (("1..1....5..1..3.", "1.1.5...3.3.5..."))),
        (
            (_d(k="........X.......", r="........X.......", h="x.o.x.o.x.o.x.o."),),
            (_d(k="........X.......", s="........X.....-.", h="x.oox.oox.oox.oo"), _d(k="X...X...X...X...", r="........X.......", h="x.o.x.o.x.o.x.o.")),
        ),
        minor=0.4, swing=0.3, swing_sixteenths=True, levels=MappingProxyType({"bass": 2.0}),
    ),
    Style(
        "rnb", (76, 98), (4, 5, 2), (39, 35, 38), (89, 92, 50), (11, 65, 80), (25, 24, 8),
        ((("x.........x.....", "x.............x.")), (("x.....x...x.....", "x..x......x..x.."))),
        ((("1......1..1.....",)), (("1......1..1...8.", "1..1......5.1..."))),
        (
            (_d(k="X......x..X.....", c="....X.......X...", h="x.x.x.x.x.x.x.x."), _d(k="X.........x..x..", r="....X.......X...", h="x.oox.x.x.oox.x.")),
            (_d(k="X......x..X..x..", c="....X.......X...", h="xoxoxoxoxxxoxoxo"), _d(k="X..x......X...x.", s="....X.......X..-", h="x.xxx.x.x.xxx.xx")),
        ),
        minor=0.65, swing=0.35, swing_sixteenths=True, sevenths=0.85, pad_level=0.6,
    ),
    Style(
        "bossa", (112, 140), (24, 4), (32,), (48, 89), (73, 66, 11), (40, 0),
        ((("x.....x...x.....", "x..x..x...x..x..")), (("x..x..x...x..x..", "x.x...x..x..x..."))),
        ((("1.....5.5.....1.",)), (("1.....5.5.....8.", "1.....1.5.....5."))),
        (
            (_d(r="x.....x.....x...", h="o.-.o.-.o.-.o.-."),),
            (_d(k="x.....xx......x.", r="x..x..x...x..x..", h="o.-.o.-.o.-.o.-."), _d(k="x.....xx......x.", r="x.....x...x.x...", z="xoxoxoxoxoxoxoxo")),
        ),
        minor=0.5, sevenths=0.9, pad_level=0.35, humanise=1.2, levels=MappingProxyType({"drums": -2.0}),
    ),
    Style(
        "country", (96, 132), (25, 24, 27), (32, 33), (40, 21), (105, 26, 40, 22), (0, 40),
        ((("..s...s...s...s.", "..x...x...x...xx")), (("..x...x...x...xx", "x.x.x.xxx.x.x.xx"))),
        ((("1.......5.......",)), (("1...1...5...5.a.", "1.......5.....a."))),
        (
            (_d(k="x.......x.......", r="....x.......x...", h="o.o.o.o.o.o.o.o."),),
            (_d(k="X.......X.......", s="-.--X.-.-.--X.-.", h="x...x...x...x..."), _d(k="X.......X.....x.", s="....X.......X...", h="x.x.x.x.x.x.x.x.")),
        ),
        minor=0.08, swing=0.12, strum=0.018, pad_level=0.3, humanise=1.2,
    ),
    Style(
        "soul", (84, 116), (16, 0, 4, 18), (33, 34), (61, 48, 16), (65, 56, 66), (0, 8),
        ((("x.......x...x...", "....s.......s...")), (("x...x...x..xx...", "x..x....x..x...."))),
        ((("1.....1.5...7...", "1..1....1.5.8...")), (("1..1..5.1..1.57.", "1.1.5.8.7.5.3.a."))),
        (
            (_d(k="X.......X.x.....", s="....X.......X...", h="x.x.x.x.x.x.x.x."),),
            (_d(k="X.x.....X.x.....", s="....X..-.-..X..-", h="x.x.x.x.x.x.x.x.", t="x.x.x.x.x.x.x.x."), _d(k="X.....x..xX.....", s="....X.......X...", y="x.x.x.x.x.x.x.x.", c="....x.......x...")),
        ),
        minor=0.3, swing=0.2, swing_sixteenths=True, sevenths=0.6, pad_level=0.55, humanise=1.2,
    ),
    Style(
        "synthwave", (84, 116), (90, 81, 62), (38, 39), (89, 95, 88), (80, 81, 84), (24, 25),
        ((("x...............", "x.......x.......")), (("x.......x.......", "x.....x...x....."))),
        ((("1.1.1.1.1.1.1.1.", "1.8.1.8.1.8.1.8.")), (("1.1.8.1.1.8.1.8.", "1111111111111111"))),
        (
            (_d(k="X...X...X...X...", h="..x...x...x...x."), _d(k="X.......X.......", s="....X.......X...")),
            (_d(k="X...X...X...X...", s="....X.......X...", h="x.x.x.x.x.x.x.x."), _d(k="X.....x.X.......", s="....X.......X...", h="xoxoxoxoxoxoxoxo")),
        ),
        minor=0.8, pad_level=0.9, humanise=0.2, arp=("1.2.3.4.1.2.3.4.", "1234432112344321", "1.3.4.3.2.3.4.3."), arp_programs=(81, 80, 87, 39),
    ),
    Style(
        "hiphop", (78, 98), (4, 0, 11, 5), (39, 38, 32), (89, 48, 91), (11, 73, 65), (25, 8, 0),
        ((("x...............", "x.........x.....")), (("x.........x.....", "x...x.....x....."))),
        ((("1.........1.....",)), (("1..1......1..5..", "1......11......."))),
        (
            (_d(k="X.......x.X.....", s="....X.......X...", h="x.x.x.x.x.x.x.x."),),
            (_d(k="X..x....x.X.....", s="....X.......X...", h="x.x.x.xxx.x.x.xo"), _d(k="X.x....x..X...x.", c="....X.......X...", s="....X.......X..-", h="x.x.xxx.x.x.x.xx")),
        ),
        minor=0.85, swing=0.4, swing_sixteenths=True, sevenths=0.5, pad_level=0.4, levels=MappingProxyType({"bass": 1.5, "drums": 1.5}),
    ),
    Style(
        "waltz", (92, 148), (0, 21, 24, 46), (32, 43), (48, 49, 21), (40, 73, 22, 71), (40, 0),
        ((("....x...x...", "....s...s...")), (("....x...x...", "1.2.3.2.4.3."))),
        ((("1...........",)), (("1.......5...", "1.......a..."))),
        (
            (_d(p="....o...o..."), _d(k="x...........", p="....o...o...")),
            (_d(k="X...........", s="....o...o...", y="x...x...x..."), _d(k="X...........", r="....x...x...", h="x.o.x.o.x.o.")),
        ),
        beats=3, minor=0.4, sevenths=0.2, pad_level=0.7, humanise=1.3,
    ),
    Style(
        "latin", (92, 124), (0, 24, 2), (32, 33), (48, 61), (56, 60, 73, 57), (0, 8),
        ((("x..x..x...x.x...", "x..x..x.x..x..x.")), (("x..x..x.x..x..x.", "x.xx.xx.x.xx.xx."))),
        ((("1.....5.......8.", "......5.....1...")), (("1.....5...8.1.5.", "......5.....8..."))),
        (
            (_d(v="x..x..x...x.x...", g="..x...xx..x...xx", z="x.x.x.x.x.x.x.x."),),
            (_d(k="X.....x.X.....x.", v="x..x..x...x.x...", g="..x...xx..x...xx", w="x...x...x...x...", z="x.x.x.x.x.x.x.x."), _d(k="X...X...X...X...", s="...X..X....X..X.", z="xoxoxoxoxoxoxoxo")),
        ),
        minor=0.65, sevenths=0.3, pad_level=0.35,
    ),
    Style(
        "lofi", (68, 88), (4, 5, 0, 24), (32, 33, 39), (89, 91, 92), (11, 73, 26), (8, 40, 25),
        ((("x.........x.....", "x......x........")), (("x......x..x.....", "x.....x.....x..."))),
        ((("1.........5.....",)), (("1......1..5.....", "1..1......8....."))),
        (
            (_d(k="x.......x.x.....", r="....x.......x...", h="o.-.o.-.o.-.o.-."),),
            (_d(k="x......x..x.....", s="....x.......x...", h="x.o.x.o.x.o.x.oo"), _d(k="x..x......x.....", r="....x.......x..-", h="o.oox.oox.o.o.oo")),
        ),
        minor=0.6, swing=0.5, swing_sixteenths=True, sevenths=0.95, pad_level=0.6, humanise=1.8, levels=MappingProxyType({"drums": -1.5}),
    ),
    Style(
        "punk", (148, 180), (30, 29), (34, 33), (18,), (30, 29), (16, 0),
        (((">.x.x.x.>.x.x.x.", ">.......>.......")), ((">.x.x.x.>.x.x.x.", ">.>.x.>.>.x.>.x."))),
        ((("1.1.1.1.1.1.1.1.",)), (("1.1.1.1.1.1.1.a.",))),
        (
            (_d(k="X...x...X...x...", s="..X...X...X...X.", h="x.x.x.x.x.x.x.x."), _d(k="X.......X.......", s="....X.......X...", h="x.x.x.x.x.x.x.x.")),
            (_d(k="X...x...X...x...", s="..X...X...X...X.", o="x.x.x.x.x.x.x.x."), _d(k="X...X...X...X...", s="....X.......X...", y="x.x.x.x.x.x.x.x.", cr="X...............")),
        ),
        minor=0.4, power=True, sevenths=0.0, pad_level=0.2, humanise=0.8, levels=MappingProxyType({"chord": -3.0, "drums": 1.0}),
    ),
)


def style_named(name: str) -> Style:
    """The style of that name.

    Raises ``KeyError`` where there is none.
    """
    return {style.name: style for style in STYLES}[name]
