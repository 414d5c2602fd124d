"""The form of a song as it is heard: sections in order, choruses that come back, words that run in circles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.evaluate.words import spoken_words
from songbloom_x2.types import FloatArray, TimedWord, Waveform

_TAG = re.compile(r"\[(\w+)[^\]]*\]")
HEARD = 0.4
"""Share of a section's words that must be heard in its place for the section to count as sung."""
_RATE, _SIZE, _SLOTS = 22050, 4096, 64


@dataclass(frozen=True)
class SungSection:
    """A section with words: its name without brackets, and its words in lower case."""

    name: str
    words: tuple[str, ...]


def sung_sections(lyrics: str) -> list[SungSection]:
    """The sections of tagged lyrics that have words; words before the first tag are a verse."""
    parts = _TAG.split(lyrics)
    named = zip(["verse", *parts[1::2]], parts[::2], strict=True)
    return [SungSection(name.lower(), tuple(words)) for name, text in named if (words := spoken_words(text))]


def sections_in_order(sections: Sequence[SungSection], heard: str) -> float:
    """Share of the sections that are heard, in their order, in a transcript.

    The whole lyrics are aligned with the transcript by their longest common subsequence; a section counts where at
    least ``HEARD`` of its words are part of it. What comes out of order cannot be. NaN without sections.
    """
    if not sections:
        return float("nan")
    words = [word for section in sections for word in section.words]
    found = _common(words, spoken_words(heard))
    place, sung = 0, 0
    for section in sections:
        share = sum(found[place : place + len(section.words)]) / len(section.words)
        sung += share >= HEARD
        place += len(section.words)
    return sung / len(sections)


def _common(reference: Sequence[str], hypothesis: Sequence[str]) -> list[bool]:
    """Which words of the reference belong to a longest common subsequence."""
    lengths = np.zeros((len(reference) + 1, len(hypothesis) + 1), dtype=np.int32)
    for i, word in enumerate(reference, 1):
        for j, other in enumerate(hypothesis, 1):
            best = max(lengths[i - 1, j], lengths[i, j - 1])
            lengths[i, j] = max(best, lengths[i - 1, j - 1] + 1) if word == other else best
    found = [False] * len(reference)
    i, j = len(reference), len(hypothesis)
    while i and j:
        if lengths[i, j] == lengths[i - 1, j]:
            i -= 1
        elif lengths[i, j] == lengths[i, j - 1]:
            j -= 1
        else:
            found[i - 1] = True
            i, j = i - 1, j - 1
    return found


def excess_repetition(lyrics: str, heard: str, length: int = 3) -> float:
    """How much more a transcript goes in circles than its lyrics: share of word triples that were there before."""
    return max(0.0, _repeated(spoken_words(heard), length) - _repeated(spoken_words(lyrics), length))


def _repeated(words: Sequence[str], length: int) -> float:
    grams = [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
    return sum(count - 1 for count in Counter(grams).values()) / len(grams) if grams else 0.0


def section_spans(sections: Sequence[SungSection], words: Sequence[TimedWord]) -> list[tuple[float, float] | None]:
    """When each section is sung (seconds), from the song's timed words; none where its words are missing."""
    spans: list[tuple[float, float] | None] = []
    place = 0
    for section in sections:
        first = last = None
        left = len(section.words)
        while place < len(words) and left > 0:
            word = words[place]
            first, last = word.start if first is None else first, word.end
            left -= len(spoken_words(word.text))
            place += 1
        spans.append(None if first is None or last is None else (first, last))
    return spans


def chorus_pairs(sections: Sequence[SungSection]) -> list[tuple[int, int]]:
    """Places of choruses with the same words, each with the first of them."""
    first: dict[tuple[str, ...], int] = {}
    pairs = []
    for index, section in enumerate(sections):
        if section.name != "chorus":
            continue
        if section.words in first:
            pairs.append((first[section.words], index))
        else:
            first[section.words] = index
    return pairs


def span_similarity(waveform: Waveform, first: tuple[float, float], second: tuple[float, float]) -> float:
    """How alike two stretches sound, whatever their length: correlation of harmony over time, at most 1."""
    a, b = (_harmony(waveform, span) for span in (first, second))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(np.sqrt(np.square(a).sum() * np.square(b).sum()), 1e-12))


def _harmony(waveform: Waveform, span: tuple[float, float]) -> FloatArray:
    """Strength of the twelve pitch classes in ``_SLOTS`` equal parts of a stretch: ``[slots, 12]``."""
    rate = waveform.sample_rate
    part = Waveform(waveform.samples[:, round(span[0] * rate) : round(span[1] * rate)], rate)
    mono = resample(to_mono(part), _RATE).samples[0]
    mono = np.pad(mono, (0, max(0, _SIZE - len(mono))))
    starts = np.linspace(0, len(mono) - _SIZE, _SLOTS).astype(int)
    frames = np.stack([mono[start : start + _SIZE] for start in starts]) * np.hanning(_SIZE)
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    hertz = np.fft.rfftfreq(_SIZE, 1 / _RATE)
    used = (hertz >= 80) & (hertz <= 2000)
    classes = np.round(12 * np.log2(hertz[used] / 440) + 69).astype(int) % 12
    chroma = np.zeros((_SLOTS, 12))
    for pitch in range(12):
        chroma[:, pitch] = np.sqrt(spectra[:, used][:, classes == pitch]).sum(1)
    total = chroma.sum(1, keepdims=True)
    return np.asarray(chroma / np.maximum(total, 1e-9), dtype=np.float32)
