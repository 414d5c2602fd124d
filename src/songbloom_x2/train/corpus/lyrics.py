"""Sentence-like lyrics: templates filled from the vocabulary, to a wanted number of syllables."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import numpy as np

from songbloom_x2.train.corpus.phonemes import Syllable, pronounce, syllables
from songbloom_x2.train.corpus.vocabulary import Vocabulary

_COMMON = 700
"""Half of the words come from so many at the head of their pool, the rest from all of it."""

TEMPLATES: tuple[str, ...] = (
    "I will {verb} the {adjective} {noun} until the {noun}",
    "you and I will {verb} under the {adjective} {noun}",
    "every {noun} is a {adjective} {noun}",
    "take me over the {noun} into the {noun}",
    "there is a {noun} in the {adjective} {noun}",
    "tell me why you {verb} the {noun} and the {noun}",
    "we can {verb} the {adjective} {noun}",
    "oh I {verb} you like a {adjective} {noun}",
    "down by the {noun} waiting for the {noun}",
    "never let the {noun} {verb} your {noun}",
    "half of the {noun} is only a {noun}",
    "let it go like {noun} on the {noun}",
    "turn around and {verb} the {noun} again",
    "nothing in the {noun} can {verb} this {noun}",
    "the {plural} are {doing} in the {noun}",
    "she {past} the {noun} with her {adjective} {plural}",
    "he said the {noun} was {adjective} and {adjective}",
    "I was {doing} when the {noun} {past}",
    "all of my {plural} are {adjective} now",
    "don't you {verb} my {noun} any more",
    "they are {doing} down the {noun}",
    "so {adjective} and so {adjective} is the {noun}",
    "if you {verb} me I will {verb} you",
    "where did all the {plural} go",
    "give me your {noun} and your {adjective} {noun}",
    "we {past} {adverb} through the {noun}",
    "I can hear the {noun} {doing} tonight",
    "my {noun} {does} for your {noun}",
    "this {noun} {does} and the {noun} {does}",
    "what a {adjective} {noun} what a {adjective} {noun}",
    "who will {verb} the {plural} of {noun}",
    "it was a {adjective} {noun} for you and me",
    "you were {doing} {adverb} beside the {noun}",
    "come on and {verb} with me",
    "I have never {participle} such a {noun}",
    "they have {participle} our {noun} away",
    "hold on to the {noun} and {verb}",
    "maybe the {noun} is {comparative} than the {noun}",
    "no {noun} can be {comparative} than you",
    "out of the {noun} and into the {plural}",
    "we are the {plural} of the {adjective} {noun}",
    "I saw the {noun} of {plural} and {plural}",
    "one more {noun} one more {noun}",
    "say you {verb} it say you {verb} it {adverb}",
    "your {noun} is like {noun} to me",
    "because the {noun} will always {verb}",
    "somewhere between {noun} and {noun}",
    "I {past} a {noun} on the {noun}",
    "follow the {noun} home",
    "how could I {verb} your {adjective} {noun}",
    "{doing} {plural} all night long",
    "{doing} and {doing} we {verb} the {noun}",
    "the {noun} {does} {adverb}",
    "nobody {does} like you",
    "after the {noun} comes the {noun}",
    "with a {noun} in my hand I {verb}",
    "carry my {noun} to the {adjective} {noun}",
    "I want to {verb} and {verb} again",
    "you make the {noun} {verb}",
    "they told me {plural} never {verb}",
    "open the {noun} and see the {plural}",
    "my {adjective} {noun}",
    "oh {adjective} {noun}",
    "we {verb} and we {verb}",
    "look at the {noun}",
    "for the {noun} and the {plural}",
)

HELD_OUT_SHARE = 16
"""One line in so many is kept for evaluation: whole corpora use only the others, or only these."""

_SLOT = re.compile(r"\{(\w+)\}")
_VOWEL_SOUNDS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")


@dataclass(frozen=True)
class LyricLine:
    """A line of lyrics: its text, each word with its ARPAbet, and its syllables."""

    text: str
    words: tuple[tuple[str, tuple[str, ...]], ...]
    syllables: tuple[Syllable, ...]


def is_held_out(text: str) -> bool:
    """Whether a line belongs to evaluation; decided by its letters alone, so that no corpus ever mixes the two."""
    return zlib.crc32(text.lower().encode()) % HELD_OUT_SHARE == 0


class Lyricist:
    """Writes lines."""

    def __init__(self, vocabulary: Vocabulary, *, held_out: bool = False) -> None:
        """Take words from ``vocabulary``; with ``held_out``, write only lines that no other lyricist does."""
        self._held_out = held_out
        self._vocabulary = vocabulary

    def line(self, least: int, most: int, rng: np.random.Generator) -> LyricLine:
        """A line of ``least`` to ``most`` syllables, or the nearest that forty attempts gave."""
        best: LyricLine | None = None
        tried = 0
        while tried < 40 or best is None:
            made = self._fill(TEMPLATES[int(rng.integers(len(TEMPLATES)))], rng)
            if is_held_out(made.text) != self._held_out:
                continue
            tried += 1
            miss = max(least - len(made.syllables), len(made.syllables) - most, 0)
            if miss == 0:
                return made
            if best is None or miss < max(least - len(best.syllables), len(best.syllables) - most):
                best = made
        return best

    def _fill(self, template: str, rng: np.random.Generator) -> LyricLine:
        text = _SLOT.sub(lambda match: self._word(match.group(1), rng), template)
        words = text.split()
        for index, word in enumerate(words[:-1]):
            if word == "a" and self._phonemes(words[index + 1])[0].rstrip("012") in _VOWEL_SOUNDS:
                words[index] = "an"
        return self.spelled(" ".join(words))

    def spelled(self, text: str) -> LyricLine:
        """``text`` (words apart by spaces) with its pronunciation and syllables."""
        words = tuple((word, self._phonemes(word)) for word in text.split())
        cut = [syllable for at, (_, phonemes) in enumerate(words) for syllable in syllables(phonemes, at)]
        return LyricLine(text[0].upper() + text[1:], words, tuple(cut))

    def _phonemes(self, word: str) -> tuple[str, ...]:
        found = self._vocabulary.phonemes.get(word)
        return tuple(found) if found else pronounce(word)

    def _word(self, pool: str, rng: np.random.Generator) -> str:
        words = self._vocabulary.words[pool]
        reach = _COMMON if rng.random() < 0.5 else len(words)
        return words[int(rng.integers(min(reach, len(words))))]
