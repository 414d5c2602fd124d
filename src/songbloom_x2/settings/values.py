"""Values by type annotation: whether one fits, how to say what would, and reading one from text."""

from __future__ import annotations

import math
import types
import typing
from typing import Any


def fits(value: object, kind: Any) -> bool:
    """Whether ``value`` is of the type ``kind`` (a plain type, a ``Literal`` or a union); whole numbers are numbers."""
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(kind))
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


def described(kind: Any) -> str:
    """What a value of this type looks like, in words for people."""
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(f"'{option}'" for option in typing.get_args(kind))
    if isinstance(kind, types.UnionType):
        return " or ".join(described(option) for option in typing.get_args(kind))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(kind, "left out")


def from_text(text: str, kind: Any) -> Any:
    """``text`` as a value of the type ``kind``; unchanged where it is not of that type."""
    if optional(kind) and text.lower() in ("none", "off"):
        return None
    if text.lower() in ("true", "false") and kind is bool:
        return text.lower() == "true"
    for wanted in typing.get_args(kind) or (kind,):
        if wanted in (int, float):
            try:
                return wanted(text)
            except ValueError:
                continue
    return text


def optional(kind: Any) -> bool:
    """Whether the type has ``None`` among its values."""
    return isinstance(kind, types.UnionType) and types.NoneType in typing.get_args(kind)
