"""The kinds of jobs, the fields of their requests, and what may stand in each by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from songbloom_x2.config import DEFAULT_MIX_METHOD, MixMethod, Optimisation, Precision, Quantisation
from songbloom_x2.errors import ConfigError, LyricsError, StyleError
from songbloom_x2.settings.values import described, fits
from songbloom_x2.style_mixes import is_mix, parse_mix

UPLOADED = re.compile(r"style-[0-9a-f]{32}")
"""Ids of uploaded styles."""
LONGEST_TITLE = 200
LONGEST_STYLE = 400
MOST_CANDIDATES = 16

_WORDS: Mapping[str, Any] = MappingProxyType(
    {
        "lyrics": str,
        "seed": int | None,
        "title": str | None,
        "preset": str | None,
        "sampling": dict,
    }
)
_NEW: Mapping[str, Any] = MappingProxyType(
    {
        **_WORDS,
        "duration": float | None,
        "instrumental": bool,
        "bpm": float | None,
        "key": str | None,
        "model": str | None,
        "machine": dict,
    }
)
_MACHINE: Mapping[str, Any] = MappingProxyType(
    {"precision": Precision, "quantise": Quantisation, "optimisation": Optimisation}
)
"""Settings of ``RuntimeConfig`` that a request may choose; the model is loaded anew where they are others."""
_MIXED: Mapping[str, Any] = MappingProxyType({"method": MixMethod, "spherical": bool})
FIELDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "generate": {"style": str | None, "style_start": float | None, **_NEW},
        "mix": {"styles": list, **_MIXED, **_NEW},
        "interpolate": {"first": str, "second": str, "steps": int, **_MIXED, **_NEW},
        "extend": {"song": str, **_WORDS, "style": str | None, "duration": float | None, "start": float | None},
        "repaint": {"song": str, "start": float, "end": float, **_WORDS, "style": str | None, "candidates": int},
        "variations": {
            "song": str,
            "seed": int | None,
            "temperature": float | None,
            "guidance": float | None,
            "style_strength": float | None,
            "keep_sketch": bool,
            "keep_blocks": int,
        },
    }
)
"""Kinds of jobs and the fields of their requests. ``style``: a name, words, the id of an uploaded style, or a mix of
such (``rock:0.7 soul:0.3``); ``song``: the id of one of the owner's songs; ``model``: a name; ``machine``: precision,
quantisation and optimisation that differ from the server's."""
NEW_SONGS = ("generate", "mix", "interpolate")
"""Kinds whose songs start from nothing."""
_NEEDED = frozenset(
    (("mix", "styles"), ("interpolate", "first"), ("interpolate", "second"), ("repaint", "start"), ("repaint", "end"))
)
_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "lyrics": "",
        "instrumental": False,
        "candidates": 4,
        "steps": 5,
        "method": DEFAULT_MIX_METHOD,
        "spherical": False,
        "keep_sketch": False,
        "keep_blocks": 0,
    }
)


def read_fields(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of a request of this kind, each of its type.

    Raises ``ConfigError``, ``LyricsError`` or ``StyleError`` for what is missing, unknown or no value of its field.
    """
    if kind not in FIELDS:
        raise ConfigError(f"job type '{kind[:60]}' is unknown; known are {', '.join(FIELDS)}")
    kinds = FIELDS[kind]
    for name in given:
        if name not in kinds:
            raise ConfigError(f"'{str(name)[:60]}' is not part of this request; known are {', '.join(kinds)}")
    fields: dict[str, Any] = {name: {} if kind is dict else _DEFAULTS.get(name) for name, kind in kinds.items()}
    for name, wanted in kinds.items():
        if name in given:
            fields[name] = _value(name, given[name], wanted)
        elif name == "song" or (kind, name) in _NEEDED:
            raise ConfigError(f"{name}: is missing")
    for name in ("lyrics", "title", "style", "first", "second", "key"):
        if fields.get(name) is not None:
            _check_text(name, fields[name])
    for name in ("style", "first", "second"):
        if fields.get(name) is not None:
            _check_style(fields[name])
    for name, value in fields.get("machine", {}).items():
        if name not in _MACHINE:
            raise ConfigError(f"machine: '{name[:60]}' cannot be chosen; known are {', '.join(_MACHINE)}")
        if not isinstance(value, str) or not fits(value, _MACHINE[name]):
            raise ConfigError(f"machine, {name}: must be {described(_MACHINE[name])}")
    return fields


def speed_name(model: str, request: Mapping[str, Any]) -> str:
    """Under what the speed of such a request is kept: the model's name, and what it asks of the machine."""
    machine = request.get("machine") or {}
    return " ".join([model, *(f"{name}={machine[name]}" for name in sorted(machine))])


def parts_of(styles: Sequence[Any]) -> tuple[tuple[str, float], ...]:
    """The styles and weights of a ``mix`` request. Raises ``StyleError`` for what is none."""
    parts = []
    for part in styles:
        if not isinstance(part, Mapping) or set(part) != {"style", "weight"}:
            raise StyleError('styles: each is an object {"style": "rock", "weight": 0.7}')
        style, weight = part["style"], part["weight"]
        if not isinstance(style, str) or not fits(weight, float):
            raise StyleError("styles: a style is a text, its weight a number")
        _check_text("style", style)
        _check_style(style)
        not_mixed(style)
        parts.append((style.strip(), float(weight)))
    return tuple(parts)


def not_mixed(style: str) -> None:
    """Raise ``StyleError`` for what is a mix already."""
    if is_mix(style):
        raise StyleError(f"style '{style[:60]}': is a mix itself: name its styles instead")


def uploads_in(style: str | None) -> Iterator[str]:
    """The ids of uploaded styles that a style's text names, alone or in a mix."""
    if style is None:
        return
    for name, _ in parse_mix(style).parts if is_mix(style) else ((style, 1.0),):
        if UPLOADED.fullmatch(name):
            yield name


def _value(name: str, value: Any, wanted: Any) -> Any:
    if wanted is dict:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ConfigError(f"{name}: must be an object of settings, for example {{'steps': 12}}")
        return dict(value)
    if wanted is list:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{name}: must be a list")
        return list(value)
    if not isinstance(value, str | int | float | None) or not fits(value, wanted):
        raise ConfigError(f"{name}: must be {described(wanted)}")
    return value


def _check_text(name: str, text: str) -> None:
    if any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in text):
        raise LyricsError(f"{name}: holds signs that are no text")


def _check_style(style: str) -> None:
    """A style from outside is a name, words, an id, or a mix of these, never a file's path."""
    if not style.strip() or len(style) > LONGEST_STYLE:
        raise StyleError(f"style: write its name or words about it, at most {LONGEST_STYLE} characters")
    if "/" in style or "\\" in style:
        raise StyleError("style: a name, words, or the id of an uploaded style; paths are not taken")
    if is_mix(style):
        parse_mix(style)


def at_least_zero(fields: Mapping[str, Any], *names: str) -> None:
    """Raise ``ConfigError`` where one of these is no length of time."""
    for name in names:
        value = fields.get(name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"{name} {value:g} s: must be 0 or more")
