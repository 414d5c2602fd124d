"""The values that cross room borders, each named once, with shapes and units.

``B`` songs, ``T`` latent frames (25 a second), ``D`` latent width, ``N`` samples a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.config import DEFAULT_MIX_METHOD, MixMethod, Preset

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Waveform:
    """Sound in memory: ``samples`` float32 ``[channels, N]``, full scale is 1."""

    samples: FloatArray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[-1] / self.sample_rate)


@dataclass(frozen=True)
class Finding:
    """Something worth telling about the lyrics: where, and what to do.

    ``code`` is stable and machine-readable (``guessed-word``, ``dropped-symbol``, ``cut``, ...); ``line`` and
    ``column`` count from 1 in the text as given; ``severity`` is ``error``, ``warning`` or ``note``.
    """

    severity: str
    code: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class WrittenWord:
    """A word as it was written: its line in the text as given (from 1), and the lyric rows it became.

    ``text`` may be more than one word where the writing puts no space between them.
    """

    text: str
    line: int
    row: int
    rows: int


@dataclass(frozen=True)
class PreparedLyrics:
    """Lyrics ready for a model: symbol ids ``[rows]``, and what was noticed on the way.

    ``symbols[i]`` is the text of ``ids[i]``; ``text`` the canonical grammar that was sung; ``words`` where each word
    with a sound stands among the rows. ``estimated_seconds`` holds ``estimated_bars`` bars of a usual tempo
    (``text.duration.in_tempo``).
    """

    text: str
    symbols: tuple[str, ...]
    ids: tuple[int, ...]
    findings: tuple[Finding, ...]
    estimated_seconds: float
    words: tuple[WrittenWord, ...] = ()
    estimated_bars: float = 0.0


@dataclass(frozen=True)
class StyleSource:
    """Which sound a style prompt was taken from: file name, SHA-256 of the file, first second, length in seconds."""

    file: str
    sha256: str
    start: float
    seconds: float


@dataclass(frozen=True)
class StyleMix:
    """Styles (names, words or files) and their weights; only the weights' proportion counts.

    ``spherical``: of two styles, on the sphere between them and not on the line.
    """

    parts: tuple[tuple[str, float], ...]
    method: MixMethod = DEFAULT_MIX_METHOD
    spherical: bool = False


@dataclass(frozen=True)
class StylePart:
    """One style in a mix: its weight (all sum to 1), its own latents, and the sound it was taken from."""

    name: str
    weight: float
    latents: torch.Tensor
    source: StyleSource | None = None


@dataclass(frozen=True)
class Style:
    """A style prompt in the codec's space: ``latents`` float32 ``[D, T]``, with what is known about it.

    ``tempo`` in beats a minute; ``key`` is ``2 * root + minor`` (C major 0, C minor 1, C sharp major 2, ...);
    ``source`` the sound it was taken from, none for the styles that come with a model. ``notes`` say for people what
    was done to the sound (mixed down, resampled, cut), or how the style was chosen. A mix has
    ``parts``; ``latents`` are then their weighted sum.
    """

    name: str
    latents: torch.Tensor
    tempo: float | None = None
    key: int | None = None
    tags: tuple[str, ...] = ()
    source: StyleSource | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[StylePart, ...] = ()
    method: MixMethod | None = None
    spherical: bool = False

    @property
    def apart(self) -> bool:
        """Whether its parts are mixed inside the model, not in its latents."""
        return bool(self.parts) and self.method != "latents"


@dataclass(frozen=True)
class LoraChoice:
    """An adapter to load with a model: file or folder, and how strongly it counts (1: as it was trained)."""

    file: str
    scale: float = 1.0


@dataclass(frozen=True)
class SongRequest:
    """What the user asks for; goes into the manifest as it is.

    ``style`` is the name of a style that comes with the model, words that describe one, an audio file, or a mix of
    such (``rock:0.7 b.wav:0.3``).
    """

    lyrics: str
    style: str | None = None
    seed: int = 0
    duration: float | None = None
    """Seconds at most; none: the model ends by itself."""
    title: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the model's ``SamplingConfig``, by field name."""
    preset: Preset | None = None
    """Speed against quality; ``sampling`` overrides it."""
    style_start: float | None = None
    """Second of the style's file where the prompt starts; none: the loudest, steadiest stretch."""
    instrumental: bool = False
    """A song without words, of ``duration`` (none: 30 s); ``lyrics`` must be empty."""
    bpm: float | None = None
    """Beats a minute, from 60 to 180; none: the style's. Models with an alignment only."""
    key: str | None = None
    """``A minor``, ``F# major``, ...; none: the style's. Models with an alignment only."""


@dataclass(frozen=True)
class ExtendRequest:
    """A song that is to go on.

    ``song`` is an audio file: one of this program's, with its memory beside it, or any other recording.
    """

    song: str
    lyrics: str = ""
    """Words to sing from there on; none: what the song has not sung yet."""
    duration: float | None = None
    """Seconds to add; none: the model ends by itself."""
    start: float | None = None
    """Second from which the song goes on, a new way; none: its end."""
    seed: int = 0
    style: str | None = None
    """Another sound from there on, in the song's own tempo and key; none: its own."""
    title: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the sampling that the song was made with."""
    preset: Preset | None = None
    foreign: bool = False
    """Treat it as any recording, even if it has a memory."""


@dataclass(frozen=True)
class RepaintRequest:
    """A stretch of a song, from ``start`` to ``end`` in seconds, that is to be made anew; the rest stays."""

    song: str
    start: float
    end: float
    lyrics: str = ""
    """Words to sing there in place of those that were sung; none: the same words."""
    seed: int = 0
    candidates: int = 4
    """So many are made; that one is taken after which the model finds the rest of the song most likely."""
    style: str | None = None
    """Another sound for the stretch, in the song's own tempo and key; none: its own."""
    title: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the sampling that the song was made with."""
    preset: Preset | None = None
    foreign: bool = False
    """Treat it as any recording, even if it has a memory."""


@dataclass(frozen=True)
class VariationRequest:
    """Another take of a song: what is named is changed, all else stays as the song was made."""

    song: str
    seed: int | None = None
    temperature: float | None = None
    """How freely the sketch is drawn."""
    guidance: float | None = None
    """How closely the sound follows its condition (``cfg_diff``)."""
    style_strength: float | None = None
    """How much of the style: 1 as it was, less towards the mean of the model's own styles, more away from it."""
    keep_sketch: bool = False
    """Sing the same sketch again, rendered anew."""
    keep_blocks: int = 0
    """So many blocks of the song stay; from there on it goes another way."""


@dataclass(frozen=True)
class InterpolateRequest:
    """Songs of one seed on the way from one style to another: ``steps`` of them, both ends included."""

    song: SongRequest
    first: str
    second: str
    steps: int = 5
    spherical: bool = False
    method: MixMethod = DEFAULT_MIX_METHOD


@dataclass(frozen=True)
class Progress:
    """Where a song stands. ``blocks_expected`` is an estimate until the song has ended."""

    block: int
    blocks_expected: int
    seconds_made: float
    seconds_spent: float

    @property
    def real_time_factor(self) -> float:
        """Seconds spent for one second of song."""
        return self.seconds_spent / max(self.seconds_made, 1e-9)


@dataclass(frozen=True)
class SongBlock:
    """One block of one song: ``tokens`` int64 ``[block]``, ``latents`` float32 ``[D, block]``."""

    song: int
    index: int
    tokens: torch.Tensor
    latents: torch.Tensor


@dataclass(frozen=True)
class TimedWord:
    """A sung word: when it begins and ends in the song (seconds), and its line in the lyrics as given (from 1).

    ``sentence`` is the same for the words of one sentence, and grows from each to the next.
    """

    text: str
    line: int
    sentence: int
    start: float
    end: float


@dataclass(frozen=True)
class SungNote:
    """A note of the melody: MIDI pitch, beginning and end in seconds."""

    pitch: int
    start: float
    end: float


@dataclass(frozen=True)
class SungScore:
    """What a song's tokens say about it: its words in time, its melody, and the tempo in beats a minute."""

    words: tuple[TimedWord, ...]
    notes: tuple[SungNote, ...]
    tempo: float


@dataclass(frozen=True)
class SongLevel:
    """How samples were brought to a file's level: a gain, and the ceiling (dBFS) that peaks were held under (none)."""

    gain_db: float
    ceiling_db: float | None


@dataclass(frozen=True)
class SongMemory:
    """What a song needs so that it can go on or be changed: tensors by name, and plain JSON facts about them."""

    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Song:
    """A finished song: its sound, the sketch (int64 ``[T]``), latents (float32 ``[D, T]``) and manifest.

    ``score``: none for models whose tokens say nothing about words and pitches. ``level``: set where the samples are
    at a file's level already, because some of them are those of a file; they must not be brought to another.
    """

    waveform: Waveform
    tokens: IntArray
    latents: FloatArray
    manifest: Mapping[str, Any]
    score: SungScore | None = None
    memory: SongMemory | None = None
    level: SongLevel | None = None
