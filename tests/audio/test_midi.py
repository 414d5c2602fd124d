"""MIDI files, read back by a reader of the format's own words."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.midi import TICKS, midi_file
from songbloom_x2.types import SungNote, TimedWord


def read(data: bytes) -> list[tuple[int, bytes]]:
    """Tick and bytes of every event; checks the file's frame."""
    assert data[:8] == b"MThd\0\0\0\6"
    assert struct.unpack(">HHH", data[8:14]) == (0, 1, TICKS)
    assert data[14:18] == b"MTrk" and struct.unpack(">I", data[18:22])[0] == len(data) - 22
    events, place, tick = [], 22, 0

    def number() -> int:
        nonlocal place
        value = 0
        while True:
            byte = data[place]
            place += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    while place < len(data):
        tick += number()
        first = place
        if data[place] == 0xFF:
            place += 2
            length = number()
            place += length
        else:
            place += {0x80: 3, 0x90: 3, 0xC0: 2}[data[place] & 0xF0]
        events.append((tick, data[first:place]))
    assert events[-1][1] == b"\xff\x2f\0"
    return events


def test_notes_words_and_tempo() -> None:
    notes = [SungNote(60, 0.0, 0.5), SungNote(60, 0.5, 1.0), SungNote(72, 2.0, 2.25)]
    words = [TimedWord("City", 1, 0, 0.0, 0.5), TimedWord("lights", 1, 0, 2.0, 2.25)]
    events = read(midi_file(notes, 120.0, words=words, title="Näme"))
    assert (0, b"\xff\x51\x03" + (500_000).to_bytes(3, "big")) in events
    assert (0, b"\xff\x58\x04\x04\x02\x18\x08") in events
    assert (0, b"\xff\x03" + bytes([5]) + "Näme".encode()) in events
    told = [(tick, event[0] & 0xF0, event[1]) for tick, event in events if event[0] < 0xA0]
    # At 120 beats a minute a second is two quarters.
    assert told == [
        (0, 0x90, 60), (480, 0x80, 60), (480, 0x90, 60), (960, 0x80, 60), (1920, 0x90, 72), (2160, 0x80, 72)
    ]  # fmt: skip
    lyrics = [(tick, event[3:]) for tick, event in events if event[:2] == b"\xff\x05"]
    assert lyrics == [(0, b"City "), (1920, b"lights ")]


@pytest.mark.parametrize("tempo", [60.0, 97.4, 180.0])
def test_times_do_not_drift(tempo: float) -> None:
    notes = [SungNote(60, second, second + 0.04) for second in (0.0, 60.0, 179.0)]
    events = read(midi_file(notes, tempo))
    quarter = next(int.from_bytes(event[3:6], "big") for _, event in events if event[:2] == b"\xff\x51")
    starts = [tick * quarter / TICKS / 1e6 for tick, event in events if event[0] == 0x90]
    assert starts == pytest.approx([0.0, 60.0, 179.0], abs=1e-3)


NOTE = st.tuples(st.integers(0, 127), st.floats(0, 600), st.floats(0.001, 9))


@settings(deadline=None, max_examples=50)
@given(st.lists(NOTE, max_size=20), st.floats(40, 240))
def test_any_notes_are_switched_on_and_off(notes: list[tuple[int, float, float]], tempo: float) -> None:
    events = read(midi_file([SungNote(pitch, start, start + length) for pitch, start, length in notes], tempo))
    for kind in (0x80, 0x90):
        assert sorted(event[1] for _, event in events if event[0] == kind) == sorted(pitch for pitch, _, _ in notes)
    assert [tick for tick, _ in events] == sorted(tick for tick, _ in events)
