"""What a song of the corpus is, and how songs are kept in files.

A corpus folder holds ``corpus.json`` (settings) and shards of songs, ``shard-00000.npz`` with ``shard-00000.jsonl``
beside it. Line ``i`` of the JSONL is song ``i``'s annotation; its arrays in the npz are ``i/voice`` float16 ``[T,
104]`` (64 harmonic and 40 noise log-gains, see ``voice_params``), ``i/f0`` float32 ``[T]`` Hz, held through unvoiced
stretches, ``i/voiced`` bool ``[T]``, all at 100 Hz (four rows are one latent frame, ``T`` is a multiple of 4; row
``n`` describes the 10 ms from ``n / 100`` s), and where it was kept ``i/band`` int16 ``[2, 480 T]``, the band's stem
at 48 kHz (divide by 32767). Levels are the mixture's: voice + band, summed as they are, is the song.

An annotation has ``seed, style, voice, tempo, key`` (``2 * root + minor``, root 0 = C), ``beats`` a bar, ``seconds``,
``lyrics`` (the released grammar), ``soundfont``, ``sections`` and ``lines``; see the dataclasses for these. Chord
numbers are ``2 * root + minor``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from songbloom_x2.train.corpus.voice_params import VoiceFrames

BAND_RATE = 48000
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class ChordSpan:
    """A chord from ``start`` (s) to the next one: ``root`` 0 = C, ``minor``."""

    root: int
    minor: bool
    start: float


@dataclass(frozen=True)
class SectionSpan:
    """A section: ``start`` and ``end`` in seconds, ``bars``, one chord a bar. The last bar of a song rings out."""

    name: str
    start: float
    end: float
    bars: int
    chords: tuple[ChordSpan, ...]


@dataclass(frozen=True)
class LineSpan:
    """A sung line: ``section`` is its place in the song's sections, ``words`` are ``(text, ARPAbet with stress)``,
    ``notes`` are ``(onset s, duration s, midi)``, ``phonemes`` are ``(sung symbol, start s, end s, midi of the
    syllable's first note)``.
    """

    section: int
    text: str
    start: float
    end: float
    words: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[tuple[float, float, int], ...]
    phonemes: tuple[tuple[str, float, float, int], ...]


@dataclass(frozen=True)
class Annotation:
    """Everything known of a song."""

    seed: int
    style: str
    voice: str
    tempo: float
    key: int
    beats: int
    seconds: float
    lyrics: str
    soundfont: str
    sections: tuple[SectionSpan, ...]
    lines: tuple[LineSpan, ...]

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Annotation:
        """The annotation that ``to_json`` wrote."""
        raw = json.loads(text)
        raw["sections"] = tuple(
            SectionSpan(**{**section, "chords": tuple(ChordSpan(**chord) for chord in section["chords"])})
            for section in raw["sections"]
        )
        raw["lines"] = tuple(
            LineSpan(
                **{
                    **line,
                    "words": tuple((word, tuple(phonemes)) for word, phonemes in line["words"]),
                    "notes": tuple(tuple(note) for note in line["notes"]),
                    "phonemes": tuple(tuple(phoneme) for phoneme in line["phonemes"]),
                }
            )
            for line in raw["lines"]
        )
        return cls(**raw)


@dataclass(frozen=True)
class SongRecord:
    """A song: its annotation, voice frames at 100 Hz, and the band's stem (int16 ``[2, N]`` at 48 kHz) if kept."""

    annotation: Annotation
    voice: VoiceFrames
    band: Array | None


def write_shard(stem: Path, songs: Sequence[SongRecord]) -> None:
    """Write ``stem.npz`` and ``stem.jsonl``; the JSONL comes last and marks the shard as whole."""
    arrays: dict[str, Array] = {}
    for index, song in enumerate(songs):
        arrays[f"{index}/voice"] = song.voice.bands.astype(np.float16)
        arrays[f"{index}/f0"] = song.voice.f0.astype(np.float32)
        arrays[f"{index}/voiced"] = song.voice.voiced
        if song.band is not None:
            arrays[f"{index}/band"] = song.band
    partial = stem.with_suffix(".npz.part")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(stem.with_suffix(".npz"))
    partial = stem.with_suffix(".jsonl.part")
    partial.write_text("".join(song.annotation.to_json() + "\n" for song in songs), encoding="utf-8")
    partial.replace(stem.with_suffix(".jsonl"))


def shard_stems(folder: Path) -> list[Path]:
    """The whole shards of a corpus folder, in order, without their suffix."""
    return [path.with_suffix("") for path in sorted(folder.glob("shard-*.jsonl"))]


def read_shard(stem: Path, *, band: bool = True) -> Iterator[SongRecord]:
    """The songs of a shard; ``band=False`` leaves the stems unread."""
    with np.load(stem.with_suffix(".npz")) as arrays, stem.with_suffix(".jsonl").open(encoding="utf-8") as lines:
        names = set(arrays.files)
        for index, line in enumerate(lines):
            bands = arrays[f"{index}/voice"].astype(np.float32)
            voice = VoiceFrames(bands, arrays[f"{index}/f0"], arrays[f"{index}/voiced"])
            kept = band and f"{index}/band" in names
            yield SongRecord(Annotation.from_json(line), voice, arrays[f"{index}/band"] if kept else None)
