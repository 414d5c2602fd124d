"""Pinyin syllables in the spelling of the released vocabulary: an initial symbol and a final symbol."""

from __future__ import annotations

_CONTRACTED = {"uei": "ui", "iou": "iu", "uen": "un"}
_AFTER_Y = {"i": "i", "in": "in", "ing": "ing", "ie": "E", "ian": "En", "iou": "ou"}
_AFTER_W = {"u": "u", "uei": "ei", "uen": "en", "ueng": "eng"}
_BARE = {"a": "AA", "e": "EE", "o": "OO"}


def symbols(initial: str, final: str, tone: int) -> tuple[str, str] | None:
    """Return the two symbols of a syllable, or none where the vocabulary has no such syllable.

    ``initial`` and ``final`` are strict pinyin (no ``y`` or ``w`` initials, ``v`` for u-umlaut), ``tone`` is 1 to 5.
    """
    spelled = _spelled(initial, final)
    return None if spelled is None else (spelled[0], f"{spelled[1]}{tone}")


def _spelled(initial: str, final: str) -> tuple[str, str] | None:
    if not final:
        return None
    if initial in ("z", "c", "s") and final == "i":
        return initial, "i0"
    if initial in ("zh", "ch", "sh", "r") and final == "i":
        return initial, "ir"
    if initial in ("j", "q", "x"):
        return initial, f"v{final[1:]}" if final.startswith("u") else _CONTRACTED.get(final, final)
    if initial:
        return initial, {"ue": "ve"}.get(final, _CONTRACTED.get(final, final))
    return _without_initial(final)


def _without_initial(final: str) -> tuple[str, str] | None:
    if final[0] == "v" or final == "ue":
        return "y", f"v{final[1:]}"
    if final[0] == "i":
        return "y", _AFTER_Y.get(final, final[1:])
    if final[0] == "u":
        return "w", _AFTER_W.get(final, final[1:])
    if final == "ê":
        return "EE", "ei"
    bare = _BARE.get(final[0])
    return None if bare is None else (bare, final)
