"""Every language's symbols as the embedded model's 40 sung phonemes.

English loses its stress digits (unstressed AH is AX). Mandarin syllables become the nearest English sounds, so the
embedded model sings them with an accent; which sounds stand for an initial or final is a table, tones are left out.
"""

from __future__ import annotations

from songbloom_x2.text.vocabulary import PUNCTUATION, SUNG_PHONEMES, TAGS
from songbloom_x2.text.words import Word


def _table(text: str) -> dict[str, tuple[str, ...]]:
    rows = (row.split("=") for row in " ".join(text.split()).split(", "))
    return {symbol: tuple(sounds.split()) for symbol, sounds in rows}


_INITIALS = _table("""
    b=B, p=P, m=M, f=F, d=D, t=T, n=N, l=L, g=G, k=K, h=HH, j=JH, q=CH, x=SH, zh=JH, ch=CH, sh=SH, r=R, z=D Z, c=T S,
    s=S, y=Y, w=W""")
_FINALS = _table("""
    a=AA, ai=AY, an=AA N, ang=AA NG, ao=AW, o=AO, ou=OW, ong=OW NG, e=AH, ei=EY, en=AH N, eng=AH NG, er=AA R,
    i=IY, i0=UH, ir=ER, ia=Y AA, ian=Y EH N, iang=Y AA NG, iao=Y AW, ie=Y EH, in=IY N, ing=IY NG, iong=Y OW NG, iu=Y OW,
    u=UW, ua=W AA, uai=W AY, uan=W AA N, uang=W AA NG, ui=W EY, un=W AH N, uo=W AO,
    v=Y UW, van=W EH N, ve=W EH, vn=Y UW N, E=EH, En=EH N""")
_SUNG = frozenset(SUNG_PHONEMES)
_UNCHANGED = frozenset(TAGS) | frozenset(PUNCTUATION)
_GLIDES = frozenset({"Y", "W"})
_PALATALS = frozenset({"j", "q", "x"})
_ZERO_INITIALS = frozenset({"AA", "EE", "OO"})


def is_mandarin(symbol: str) -> bool:
    """Tell whether a released symbol is a Mandarin final with its tone."""
    return symbol[-1:].isdigit() and symbol[:-1] in _FINALS


def fold(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sung phonemes of a word's symbols; tags and punctuation stay, what has no equivalent is left out."""
    folded: list[str] = []
    for index, symbol in enumerate(symbols):
        if symbol in _ZERO_INITIALS and is_mandarin("".join(symbols[index + 1 : index + 2])):
            continue
        sounds = list(_sounds(symbol))
        palatal = index > 0 and symbols[index - 1] in _PALATALS
        if sounds and sounds[0] in _GLIDES and (folded[-1:] == sounds[:1] or (palatal and sounds[0] == "Y")):
            del sounds[0]
        folded.extend(sounds)
    return tuple(folded)


def fold_word(word: Word) -> Word:
    """Fold a word; the ``-`` that an apostrophe leaves in the released spelling is not sung."""
    symbols = word.phonemes
    if "'" in word.text or "’" in word.text:
        symbols = tuple(symbol for symbol in symbols if symbol != "-")
    return word._replace(phonemes=fold(symbols))


def _sounds(symbol: str) -> tuple[str, ...]:
    if symbol in _UNCHANGED or symbol in _SUNG:
        return (symbol,)
    bare = symbol[:-1] if symbol[-1:].isdigit() else symbol
    if symbol == "AH0":
        return ("AX",)
    if bare in _SUNG:
        return (bare,)
    return _FINALS.get(bare) or _INITIALS.get(symbol) or ()
