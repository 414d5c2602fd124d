"""Frozen configuration dataclasses <-> plain JSON values, strictly by their type annotations.

One reader and one writer for :class:`SongConfig` and everything below it. Unknown keys, wrong types and wrong kinds are
errors that name the key; keys left out take the dataclass's default.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError


def config_to_json(config: SongConfig) -> dict[str, Any]:
    """The configuration as JSON values (mappings, lists, strings, numbers, booleans, none)."""
    return cast(dict[str, Any], _plain(config))


def config_from_json(data: Any, source: str) -> SongConfig:
    """The configuration that ``data`` describes; ``CheckpointError`` names ``source`` and the key otherwise."""
    return cast(SongConfig, _dataclass(SongConfig, data, source, "config"))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _dataclass(kind: type, data: Any, source: str, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise CheckpointError(f"{source}: '{where}' is not a mapping")
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in data:
        if key not in fields:
            raise CheckpointError(f"{source}: '{where}.{str(key)[:80]}' is unknown; the file is of another version")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], source, f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise CheckpointError(f"{source}: '{where}.{name}' is missing")
    return kind(**values)


def _value(hint: Any, data: Any, source: str, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), data, source, where)
    if origin is Literal:
        if data not in get_args(hint):
            known = ", ".join(map(repr, get_args(hint)))
            raise CheckpointError(f"{source}: '{where}' is {str(data)[:60]!r}; known are {known}")
        return data
    if origin is tuple:
        return _tuple(hint, data, source, where)
    if dataclasses.is_dataclass(hint):
        return _dataclass(cast(type, hint), data, source, where)
    return _scalar(hint, data, source, where)


def _union(members: tuple[Any, ...], data: Any, source: str, where: str) -> Any:
    """Either ``X | None``, or dataclasses told apart by their ``kind``."""
    if data is None and type(None) in members:
        return None
    rest = [member for member in members if member is not type(None)]
    if len(rest) == 1:
        return _value(rest[0], data, source, where)
    kinds = {get_args(get_type_hints(member)["kind"])[0]: member for member in rest}
    if not isinstance(data, Mapping) or data.get("kind") not in kinds:
        raise CheckpointError(f"{source}: '{where}.kind' must be one of {', '.join(map(repr, kinds))}")
    return _dataclass(kinds[data["kind"]], data, source, where)


def _tuple(hint: Any, data: Any, source: str, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise CheckpointError(f"{source}: '{where}' is not a list")
    (item, *_) = get_args(hint)
    return tuple(_value(item, value, source, f"{where}[{index}]") for index, value in enumerate(data))


def _scalar(hint: type, data: Any, source: str, where: str) -> Any:
    number = isinstance(data, int | float) and not isinstance(data, bool)
    if hint is float and number and math.isfinite(data):
        return data
    if hint is not float and type(data) is hint:
        return data
    raise CheckpointError(f"{source}: '{where}' is {str(data)[:60]!r}, not of type {hint.__name__}")
