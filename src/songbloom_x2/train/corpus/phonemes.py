"""Words as sung: ARPAbet from the front end, syllables, and the synthesiser's own phoneme letters.

The embedded model sings 40 phonemes: the 39 of ARPAbet without stress, and AX for the unstressed AH.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from songbloom_x2.text.english import words

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N"),
    *("NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
)
SUNG = VOWELS + CONSONANTS

IPA: Mapping[str, str] = MappingProxyType(
    {
        **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AX": "ə", "AY": "I", "EH": "ɛ", "ER": "ɜɹ"},
        **{"EY": "A", "IH": "ɪ", "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d"},
        **{"DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ"},
        **{"P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z"},
        **{"ZH": "ʒ"},
    }
)
"""Each sung phoneme in the letters of the synthesiser (misaki's: capitals are diphthongs); ER has two."""

STRESS_MARKS: Mapping[int, str] = MappingProxyType({0: "", 1: "ˈ", 2: "ˌ"})

_LIQUID_AFTER = MappingProxyType(
    {
        "L": ("P", "B", "K", "G", "F", "S"),
        "R": ("P", "B", "T", "D", "K", "G", "F", "TH", "SH"),
        "W": ("S", "T", "K", "D", "HH"),
        "Y": ("P", "B", "K", "F", "M", "V", "HH"),
    }
)
_AFTER_S = ("P", "T", "K", "M", "N")


@dataclass(frozen=True)
class Syllable:
    """One syllable: sung phonemes of onset, nucleus and coda, ``stress`` 0 to 2, the word it belongs to."""

    onset: tuple[str, ...]
    nucleus: str
    coda: tuple[str, ...]
    stress: int
    word: int
    ends_word: bool

    @property
    def phonemes(self) -> tuple[str, ...]:
        """The sung phonemes in order."""
        return (*self.onset, self.nucleus, *self.coda)


def sung(phoneme: str) -> str:
    """An ARPAbet phoneme with stress digit as one of the 40 sung ones (``AH0`` is ``AX``)."""
    return "AX" if phoneme == "AH0" else phoneme.rstrip("012")


def pronounce(word: str) -> tuple[str, ...]:
    """ARPAbet with stress for one word, from the same front end that reads users' lyrics."""
    return tuple(phoneme for part in words(word) for phoneme in part.phonemes)


def syllables(phonemes: Sequence[str], word: int) -> list[Syllable]:
    """Cut a word's ARPAbet into syllables, giving as many consonants to the following vowel as English allows."""
    nuclei = [at for at, phoneme in enumerate(phonemes) if phoneme[-1].isdigit()]
    if not nuclei:
        return []
    starts = [0]
    for left, right in itertools.pairwise(nuclei):
        cut = right
        while cut - 1 > left and _may_open(phonemes[cut - 1 : right]):
            cut -= 1
        starts.append(cut)
    starts.append(len(phonemes))
    out = []
    for index, at in enumerate(nuclei):
        out.append(
            Syllable(
                onset=tuple(sung(p) for p in phonemes[starts[index] : at]),
                nucleus=sung(phonemes[at]),
                coda=tuple(sung(p) for p in phonemes[at + 1 : starts[index + 1]]),
                stress=int(phonemes[at][-1]),
                word=word,
                ends_word=index + 1 == len(nuclei),
            )
        )
    return out


def _may_open(consonants: Sequence[str]) -> bool:
    """Whether English words or syllables begin with these."""
    if len(consonants) == 1:
        return consonants[0] != "NG"
    if len(consonants) == 2:
        first, second = consonants
        return first in _LIQUID_AFTER.get(second, ()) or (first == "S" and second in _AFTER_S)
    return len(consonants) == 3 and consonants[0] == "S" and consonants[1] in "PTK" and _may_open(consonants[1:])
