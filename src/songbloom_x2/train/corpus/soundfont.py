"""Plays an arrangement on a General MIDI soundfont, offline, with tinysoundfont (MIT; no system library).

FluidR3 GM and MuseScore General (both MIT, packaged by Debian) are looked for in the usual folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus.arrange import Arrangement
from songbloom_x2.types import FloatArray

SAMPLE_RATE = 48000
_BLOCK = 64
_SETTLE = 9600
"""Samples thrown away before a song, in which whatever still sounds dies: songs must not depend on their neighbours."""
KNOWN = ("sf3/MuseScore_General.sf3", "sf2/FluidR3_GM.sf2", "sf3/FluidR3Mono_GM.sf3")
_FOLDERS = ("/usr/share/sounds", "/usr/share/soundfonts", "/usr/local/share/sounds")


def find_soundfonts(wanted: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The soundfonts to use: ``wanted``, or the first of the known ones on this computer.

    Raises ``ConfigError`` where there is none.
    """
    for path in wanted:
        if not path.is_file():
            raise ConfigError(f"there is no soundfont at {path}: give the path of a .sf2 or .sf3 file with --soundfont")
    if wanted:
        return tuple(wanted)
    found = [Path(folder) / name for name in KNOWN for folder in _FOLDERS if (Path(folder) / name).is_file()]
    if not found:
        raise ConfigError(
            "no General MIDI soundfont found in /usr/share/sounds: install the Debian package fluid-soundfont-gm or "
            "musescore-general-soundfont, or name one with --soundfont FILE"
        )
    return tuple(found[:2])


class Band:
    """A soundfont ready to play. Takes a second to load; one instance serves any number of songs."""

    def __init__(self, soundfont: Path) -> None:
        """Load the ``.sf2`` or ``.sf3`` file."""
        try:
            import tinysoundfont
        except ImportError as error:
            raise ConfigError("the band needs tinysoundfont: pip install --no-deps tinysoundfont") from error
        self.soundfont = soundfont
        self._synth: Any = tinysoundfont.Synth(samplerate=SAMPLE_RATE, gain=-6)
        self._id = self._synth.sfload(str(soundfont))

    def play(self, arrangement: Arrangement, seconds: float) -> FloatArray:
        """The arrangement as float32 ``[2, N]`` at 48 kHz, ``seconds`` long; events fall on blocks of 64 samples."""
        synth = self._synth
        synth.sounds_off()
        synth.generate(_SETTLE)
        for channel, instrument in arrangement.instruments.items():
            synth.program_select(channel, self._id, instrument.bank, instrument.program)
            synth.control_change(channel, 7, instrument.volume)
            synth.control_change(channel, 10, instrument.pan)
        events = [(hit.start, 1, hit.channel, hit.note, hit.velocity) for hit in arrangement.hits]
        events += [(hit.start + hit.length, 0, hit.channel, hit.note, 0) for hit in arrangement.hits]
        total = round(seconds * SAMPLE_RATE)
        blocks, position = [], 0
        for when, on, channel, note, velocity in sorted(events):
            at = min(int(when * SAMPLE_RATE) // _BLOCK * _BLOCK, total)
            if at > position:
                blocks.append(np.array(np.frombuffer(synth.generate(at - position), np.float32)))
                position = at
            if on:
                synth.noteon(channel, note, velocity)
            else:
                synth.noteoff(channel, note)
        if position < total:
            blocks.append(np.array(np.frombuffer(synth.generate(total - position), np.float32)))
        synth.sounds_off()
        return np.ascontiguousarray(np.concatenate(blocks).reshape(-1, 2).T)
