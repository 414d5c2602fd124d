"""Typed reading of a mapping that somebody else wrote: every refusal names the file and the key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from songbloom_x2.errors import CheckpointError

Choice = TypeVar("Choice", bound=str)
_LONGEST_SHOWN = 60


class Fields:
    """One mapping of a config file."""

    def __init__(self, data: Any, source: str, where: str = "") -> None:
        """``source`` (the file's name) and ``where`` (a dotted path) say in messages which mapping it is."""
        if not isinstance(data, Mapping):
            raise CheckpointError(f"{source}: {_named(where)} is not a mapping; fetch the file again")
        self._data = data
        self.source = source
        self.where = where

    def has(self, key: str) -> bool:
        """Whether the key is there with a value."""
        return self._data.get(key) is not None

    def error(self, key: str, problem: str) -> CheckpointError:
        """The refusal to raise about one key."""
        return CheckpointError(f"{self.source}: {_named(self._path(key))} {problem}")

    def only(self, known: Iterable[str], consequence: str) -> None:
        """Refuse keys that are not ``known``."""
        unknown = sorted(str(key) for key in self._data if key not in set(known))
        if unknown:
            raise self.error(unknown[0], consequence)

    def value(self, key: str, default: Any = None) -> Any:
        """The value as it stands."""
        found = self._data.get(key)
        return default if found is None else found

    def integer(self, key: str, default: int | None = None, *, least: int = 1, most: int = 2**20) -> int:
        """A whole number between ``least`` and ``most``; ``64.0`` counts as one."""
        number = self.number(key, default, least=least, most=most)
        if number != int(number):
            raise self.error(key, f"is {number}, not a whole number")
        return int(number)

    def number(self, key: str, default: float | None = None, *, least: float, most: float = 1e9) -> float:
        """A finite number between ``least`` and ``most``."""
        found = self.value(key, default)
        if found is None:
            raise self.error(key, "is missing")
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            raise self.error(key, f"is {_shown(found)}, not a number")
        if not least <= found <= most:
            raise self.error(key, f"is {found}, outside {least} to {most}")
        return found

    def boolean(self, key: str, default: bool) -> bool:
        """True or false."""
        found = self.value(key, default)
        if not isinstance(found, bool):
            raise self.error(key, f"is {_shown(found)}, not true or false")
        return found

    def choice(self, key: str, default: Choice, known: tuple[Choice, ...]) -> Choice:
        """One of the ``known`` words."""
        found = self.value(key, default)
        for word in known:
            if found == word:
                return word
        raise self.error(key, f"is {_shown(found)}; known are {', '.join(map(repr, known))}")

    def text(self, key: str) -> str | None:
        """A string, or none where there is no value."""
        found = self.value(key)
        if found is not None and not isinstance(found, str):
            raise self.error(key, f"is {_shown(found)}, not text")
        return found

    def integers(self, key: str, *, most: int) -> tuple[int, ...]:
        """A list of positive whole numbers."""
        found = self.value(key)
        if not isinstance(found, list) or not found or len(found) > 64:
            raise self.error(key, "is not a list of numbers")
        items = Fields({str(index): item for index, item in enumerate(found)}, self.source, self._path(key))
        return tuple(items.integer(str(index), most=most) for index in range(len(found)))

    def fields(self, key: str) -> Fields:
        """The mapping below a key."""
        if not self.has(key):
            raise self.error(key, "is missing")
        return Fields(self.value(key), self.source, self._path(key))

    def same(self, key: str, expected: Any, default: Any) -> None:
        """Refuse any value but ``expected``: it would change the mathematics."""
        found = self.value(key, default)
        if found != expected:
            raise self.error(key, f"is {_shown(found)}; only {expected!r} is supported")

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _named(where: str) -> str:
    return f"'{where}'" if where else "the file"
