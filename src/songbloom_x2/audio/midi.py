"""A melody as a Standard MIDI File: one track of notes, with the words as lyric events.

Written by hand: the format needs a few dozen lines for what is said here, fewer than a dependency would cost.
Source: Standard MIDI Files 1.0 (MIDI Manufacturers Association).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from songbloom_x2.types import SungNote, TimedWord

TICKS = 480
"""Ticks a quarter note."""
_VELOCITY = 96
_VOICE = 53
"""General MIDI program (from 0): voice oohs."""
_TEMPO, _NAME, _LYRIC, _END = 0x51, 0x03, 0x05, 0x2F


def midi_file(notes: Sequence[SungNote], tempo: float, *, words: Sequence[TimedWord] = (), title: str = "") -> bytes:
    """A file of format 0. ``tempo`` is in beats a minute; a beat is a quarter note, four of them a bar."""
    quarter = round(60_000_000 / tempo)
    # Ticks follow the tempo as the file states it, in whole microseconds a quarter: nothing drifts over a long song.
    ticks_a_second = TICKS * 1e6 / quarter

    def at(seconds: float) -> int:
        return max(0, round(seconds * ticks_a_second))

    events: list[tuple[int, int, bytes]] = [
        (0, 0, _meta(_NAME, title.encode())),
        (0, 0, _meta(_TEMPO, quarter.to_bytes(3, "big"))),
        (0, 0, _meta(0x58, bytes([4, 2, 24, 8]))),
        (0, 0, bytes([0xC0, _VOICE])),
    ]
    # At the same tick a note ends before the next one begins, and its word stands before it.
    for note in notes:
        first = at(note.start)
        events.append((first, 3, bytes([0x90, note.pitch, _VELOCITY])))
        events.append((max(at(note.end), first + 1), 1, bytes([0x80, note.pitch, 0])))
    events.extend((at(word.start), 2, _meta(_LYRIC, f"{word.text} ".encode())) for word in words)
    events.sort(key=lambda event: event[:2])
    track = bytearray()
    now = 0
    for tick, _, data in events:
        track += _variable(tick - now) + data
        now = tick
    track += _variable(0) + _meta(_END, b"")
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable(len(data)) + data


def _variable(number: int) -> bytes:
    """Seven bits a byte, the most significant first; all but the last have their top bit set."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
