"""A tiny vocabulary, a soundfont of one sine wave, and a studio that makes whole songs from them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.phonemes import pronounce
from songbloom_x2.train.corpus.song import Studio
from songbloom_x2.train.corpus.vocabulary import Vocabulary

WORDS = {
    "noun": ["river", "window", "garden", "city", "morning", "shadow", "table", "summer"],
    "plural": ["rivers", "windows", "flowers", "letters"],
    "verb": ["follow", "remember", "hold", "open", "carry"],
    "past": ["wanted", "called", "opened"],
    "participle": ["taken", "given", "opened"],
    "doing": ["walking", "falling", "singing"],
    "does": ["opens", "follows", "sings"],
    "adjective": ["golden", "quiet", "early", "open", "other"],
    "comparative": ["younger", "better"],
    "adverb": ["slowly", "softly"],
}


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(WORDS, {word: pronounce(word) for pool in WORDS.values() for word in pool})


@pytest.fixture(scope="session")
def lyricist(vocabulary: Vocabulary) -> Lyricist:
    return Lyricist(vocabulary)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))


def one_sine_soundfont() -> bytes:
    """A SoundFont 2 with one looped sine (middle C), which is every melodic program and every drum kit."""
    rate, period, count = 48000, 184, 184 * 40
    wave = np.round(12000 * np.sin(2 * np.pi * np.arange(count) / period)).astype("<i2")
    presets = [(0, program) for program in range(128)] + [(128, program) for program in range(128)]
    phdr = b"".join(struct.pack("<20sHHHIII", b"sine", p, bank, i, 0, 0, 0) for i, (bank, p) in enumerate(presets))
    phdr += struct.pack("<20sHHHIII", b"EOP", 0, 0, len(presets), 0, 0, 0)
    pbag = b"".join(struct.pack("<HH", i, 0) for i in range(len(presets) + 1))
    pgen = struct.pack("<Hh", 41, 0) * len(presets) + struct.pack("<Hh", 0, 0)
    generators = [(54, 1), (53, 0)]
    igen = b"".join(struct.pack("<Hh", *generator) for generator in generators) + struct.pack("<Hh", 0, 0)
    shdr = struct.pack("<20sIIIIIBbHH", b"sine", 0, count, period, count - period, rate, 60, 0, 0, 1)
    shdr += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    body = b"sfbk" + _list(b"INFO", _chunk(b"ifil", struct.pack("<HH", 2, 1)), _chunk(b"INAM", b"sine\0\0"))
    body += _list(b"sdta", _chunk(b"smpl", wave.tobytes() + b"\0" * 92))
    body += _list(
        b"pdta",
        _chunk(b"phdr", phdr),
        _chunk(b"pbag", pbag),
        _chunk(b"pmod", b"\0" * 10),
        _chunk(b"pgen", pgen),
        _chunk(b"inst", struct.pack("<20sH", b"sine", 0) + struct.pack("<20sH", b"EOI", 1)),
        _chunk(b"ibag", struct.pack("<HH", 0, 0) + struct.pack("<HH", len(generators), 0)),
        _chunk(b"imod", b"\0" * 10),
        _chunk(b"igen", igen),
        _chunk(b"shdr", shdr),
    )
    return _chunk(b"RIFF", body)


@pytest.fixture(scope="session")
def soundfont(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("soundfont") / "sine.sf2"
    path.write_bytes(one_sine_soundfont())
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus-cache")


@pytest.fixture(scope="session")
def studio(cache: Path, soundfont: Path) -> Studio:
    return Studio(cache, [soundfont])
