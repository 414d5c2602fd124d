"""The symbols a lyrics row can be: section tags, punctuation, phonemes; released and embedded vocabularies."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

TAGS = ("[intro]", "[outro]", "[bridge]", "[inst]", "[verse]", "[chorus]", "[silence]")
"""Section tags, in the order of the released vocabulary."""

SUNG_TAGS = ("[verse]", "[chorus]", "[bridge]")
"""Tags that words stand under."""

INSTRUMENTAL_TAGS = ("[intro]", "[inst]", "[outro]", "[silence]")
"""Tags without words; each stands for ``SongConfig.instrumental_seconds``."""

PUNCTUATION = ("!", ",", "-", ".", "?", "…")
"""Punctuation that is a symbol; ``.`` ends a sentence, ``,`` a section."""

SUNG_PHONEMES = (
    *("AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"),
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH"),
    *("V", "W", "Y", "Z", "ZH"),
)
"""The 40 phonemes of the embedded model: ARPAbet without stress, and AX for the unstressed AH."""

SUNG_VOWELS = frozenset(SUNG_PHONEMES[:16])
"""The phonemes a note can be held on."""


def sung_vocabulary() -> tuple[str, ...]:
    """Return the embedded model's symbols: the empty symbol, tags, punctuation, ``SUNG_PHONEMES``."""
    return ("", *TAGS, *PUNCTUATION, *SUNG_PHONEMES)


@lru_cache(maxsize=1)
def released_vocabulary() -> tuple[str, ...]:
    """Return the symbols of the released models (their ``vocab_g2p.yaml``); index is the id, id 0 is ``""``."""
    table = resources.files(__package__).joinpath("data/released_vocabulary.txt")
    return tuple(table.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
