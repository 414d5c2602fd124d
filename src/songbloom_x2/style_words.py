"""Choosing a style by words: tags of voice, style, tempo and key, and the style that has most of what is asked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace

from songbloom_x2.errors import StyleError
from songbloom_x2.types import Style

NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
"""Names of the roots of ``Style.key``."""
SLOW, FAST = 90.0, 120.0
"""Beats a minute below which a style is slow, and from which on it is fast."""

_SAME = {
    **dict.fromkeys(("woman", "women", "girl", "lady", "soprano", "alto", "feminine", "f"), "female"),
    **dict.fromkeys(("man", "men", "boy", "guy", "tenor", "baritone", "masculine", "m"), "male"),
    **dict.fromkeys(("quick", "uptempo", "up-tempo", "upbeat", "energetic", "allegro"), "fast"),
    **dict.fromkeys(("calm", "gentle", "downtempo", "down-tempo", "adagio", "relaxed", "sad"), "slow"),
    **dict.fromkeys(("moderate", "midtempo", "mid-tempo", "andante"), "medium"),
    **{"r&b": "rnb", "hip-hop": "hiphop", "lo-fi": "lofi", "bossanova": "bossa", "db": "c sharp", "c#": "c sharp"},
    **{"eb": "e flat", "d#": "e flat", "gb": "f sharp", "f#": "f sharp", "ab": "a flat", "g#": "a flat"},
    **{"bb": "b flat", "a#": "b flat", "happy": "major", "ballads": "ballad"},
}
"""What people say for a tag."""
_PHRASES = {
    **{"hip hop": "hiphop", "lo fi": "lofi", "bossa nova": "bossa", "synth wave": "synthwave", "r and b": "rnb"},
    **{"r n b": "rnb", "rhythm and blues": "rnb", "up tempo": "fast", "mid tempo": "medium", "d flat": "c sharp"},
    **{"d sharp": "e flat", "g flat": "f sharp", "g sharp": "a flat", "a sharp": "b flat"},
}
_NEIGHBOURS = {
    "folk": ("country", "ballad"),
    "country": ("folk",),
    "acoustic": ("folk", "country", "ballad", "bossa"),
    "singer-songwriter": ("folk", "ballad"),
    "ballad": ("soul", "folk"),
    "soul": ("rnb", "ballad"),
    "rnb": ("soul",),
    "jazz": ("bossa", "soul"),
    "blues": ("soul", "rock"),
    "gospel": ("soul",),
    "funk": ("soul", "rnb"),
    "rock": ("punk", "pop"),
    "punk": ("rock",),
    "metal": ("punk", "rock"),
    "indie": ("rock", "pop"),
    "pop": ("synthwave", "dance"),
    "disco": ("dance",),
    "dance": ("synthwave", "pop"),
    **dict.fromkeys(("techno", "house", "edm", "electronic", "club", "trance"), ("dance", "synthwave")),
    **dict.fromkeys(("synthpop", "80s", "retro", "synth"), ("synthwave", "dance")),
    "synthwave": ("dance",),
    **dict.fromkeys(("rap", "trap", "hip"), ("hiphop", "lofi")),
    "hiphop": ("lofi", "rnb"),
    **dict.fromkeys(("chill", "chillout", "ambient"), ("lofi", "synthwave")),
    "lofi": ("hiphop",),
    **dict.fromkeys(("salsa", "samba", "reggaeton"), ("latin", "bossa")),
    "latin": ("bossa",),
    "bossa": ("latin",),
    **dict.fromkeys(("ska", "dub"), ("reggae",)),
    "reggae": ("latin",),
    "waltz": ("ballad", "folk"),
}
"""Styles that stand in for one that a model does not have, the nearest first."""
_LITTLE = frozenset(("and", "with", "in", "the", "of", "very", "voice", "vocals", "singer", "song", "music", "key"))


def key_name(key: int) -> str:
    """``A minor`` for 19; see ``Style.key``."""
    return f"{NOTES[key // 2 % 12]} {'minor' if key % 2 else 'major'}"


def parse_key(text: str) -> int:
    """``A minor``, ``F#m``, ``Bb``, ``C sharp major`` as ``Style.key`` counts. Raises ``StyleError``."""
    found = _KEY.fullmatch(text.strip().lower())
    if found is None:
        raise StyleError(f"key '{text[:40]}': write it like 'A minor', 'F# major' or 'Bbm'")
    turn = {"": 0, "#": 1, "♯": 1, " sharp": 1, "b": -1, "♭": -1, " flat": -1}[found[2] or ""]
    root = ({"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}[found[1]] + turn) % 12
    return 2 * root + (found[3] or "").strip().startswith("m") * (not (found[3] or "").strip().startswith("maj"))


_KEY = re.compile(r"([a-g])( sharp| flat|[#♯b♭])?(\s*(?:minor|min|m|major|maj))?")


def tempo_word(tempo: float) -> str:
    """``slow``, ``medium`` or ``fast``."""
    return "slow" if tempo < SLOW else "fast" if tempo >= FAST else "medium"


def described(tags: tuple[str, ...], tempo: float | None, key: int | None) -> tuple[str, ...]:
    """``tags`` and those that follow from tempo and key, where they are known."""
    more = [tempo_word(tempo)] if tempo is not None else []
    more += [key_name(key)] if key is not None else []
    return (*tags, *more)


def choose_by_words(text: str, styles: Mapping[str, Style]) -> Style:
    """The style that has most of the words of ``text``; the first by name of equals. Its notes say what it is not.

    The kind of music and a voice by its name weigh more than tempo, key, female and male together. A kind that no style
    is of is stood in for by a neighbour. Raises ``StyleError`` with the nearest names where a word means nothing here.
    """
    tags = {name: _searchable(style) for name, style in styles.items()}
    known = frozenset().union(*tags.values()) if tags else frozenset()
    wanted: list[tuple[str, tuple[str, ...]]] = []
    for word in _words(text, known):
        accepted = tuple(tag for tag in (word, *_NEIGHBOURS.get(word, ())) if tag in known)
        if not accepted and word not in _UNIVERSAL:
            raise StyleError(_unknown(word, text, known, styles))
        wanted.append((word, accepted))
    if not wanted:
        raise StyleError(f"style '{text[:120]}': says nothing about a style; known styles: {', '.join(styles)}")
    best = max(sorted(styles), key=lambda name: sum(_worth(word, accepted, tags[name]) for word, accepted in wanted))
    missing = [word for word, accepted in wanted if word not in tags[best]]
    if not missing:
        return styles[best]
    asked = " ".join(word for word, _ in wanted)
    note = f"no style is all of '{asked}'; the nearest is not {' nor '.join(missing)}"
    return replace(styles[best], notes=(*styles[best].notes, note))


_UNIVERSAL = frozenset(("female", "male", "slow", "medium", "fast", "major", "minor", *map(str.lower, NOTES)))
"""Words that are understood even where no style has them."""


def _worth(word: str, accepted: tuple[str, ...], tags: frozenset[str]) -> float:
    """How much one word speaks for a style: its kind of music (or voice, by name) more than all else together."""
    weight = 1.0 if word in _UNIVERSAL else 10.0
    for distance, tag in enumerate(accepted):
        if tag in tags:
            return weight if tag == word else weight * (0.5 - 0.02 * distance)
    return 0.0


def _searchable(style: Style) -> frozenset[str]:
    tags = {tag.lower() for tag in style.tags} | {style.name.lower()}
    if style.key is not None:
        tags |= {NOTES[style.key // 2 % 12].lower(), "minor" if style.key % 2 else "major"}
    return frozenset(tags)


def _words(text: str, known: frozenset[str]) -> list[str]:
    """The words of ``text`` as tags, the longest phrases first; each once."""
    given = re.findall(r"[\w&#'-]+", text.lower())
    found: list[str] = []
    place = 0
    while place < len(given):
        for length in (4, 3, 2, 1):
            phrase = " ".join(given[place : place + length])
            phrase = _PHRASES.get(phrase, _SAME.get(phrase, phrase))
            if length == 1 or phrase in known or phrase in _UNIVERSAL or phrase in _PHRASES.values():
                place += min(length, len(given) - place)
                break
        article = phrase == "a" and given[place : place + 1] not in (["major"], ["minor"])
        if phrase not in _LITTLE and not article and phrase not in found:
            found.append(phrase)
    return found


def _unknown(word: str, text: str, known: frozenset[str], styles: Mapping[str, Style]) -> str:
    near = difflib.get_close_matches(word, sorted(known | _NEIGHBOURS.keys() | _UNIVERSAL), n=3)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}?" if near else f"known styles: {', '.join(styles)}"
    return f"style '{text[:120]}': no such file, and '{word[:60]}' describes no style; {hint}"
