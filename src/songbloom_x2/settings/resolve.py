"""Settings resolved once: which value each key has, and where it came from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from songbloom_x2.errors import ConfigError
from songbloom_x2.settings.config_file import find_config_file, read_config_file
from songbloom_x2.settings.keys import OTHER_VARIABLES, PREFIX, SECTIONS, Key, all_keys
from songbloom_x2.settings.values import described, fits, from_text, optional

Origin = Literal["default", "file", "environment", "flag"]
Section = TypeVar("Section")


@dataclass(frozen=True)
class Setting:
    """One key's value; ``where`` is the file, the variable or the flag that gave it."""

    key: Key
    value: Any
    origin: Origin = "default"
    where: str = "config.py"


class Settings:
    """Every setting with its origin."""

    def __init__(self, found: Mapping[str, Setting]) -> None:
        """``found``: all keys."""
        self._found = dict(found)

    def __getitem__(self, name: str) -> Any:
        """The value of ``section.field``."""
        return self._found[name].value

    def __iter__(self) -> Iterator[Setting]:
        """All of them, section after section."""
        return iter(self._found.values())

    def origin(self, name: str) -> Origin:
        """Where the value of ``section.field`` came from."""
        return self._found[name].origin

    def section(self, kind: type[Section]) -> Section:
        """All keys of one section, as its dataclass."""
        (name,) = (name for name, known in SECTIONS.items() if known is kind)
        settings = (setting for setting in self._found.values() if setting.key.section == name)
        return kind(**{setting.key.field: setting.value for setting in settings})

    def given(self, section: str) -> dict[str, Any]:
        """The fields of a section that somebody set, in whatever way."""
        settings = (setting for setting in self._found.values() if setting.key.section == section)
        return {setting.key.field: setting.value for setting in settings if setting.origin != "default"}


def resolve_settings(
    flags: Mapping[str, tuple[str, Any]] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Join defaults, file, environment and flags, in this order.

    ``flags``: key -> (flag, value). ``config`` names the file; none: ``config.yaml`` in ``folder`` (none: where we
    are), else the one in the user's configuration folder, else no file. ``environment``: none takes the process's.
    Raises ``ConfigError`` for a file that cannot be read, an unknown key (naming the nearest) or an unfit value.
    """
    environment = os.environ if environment is None else environment
    keys = all_keys()
    found = {name: Setting(key, key.default) for name, key in keys.items()}
    file = find_config_file(config, environment, folder)
    if file is not None:
        for name, value in read_config_file(file).items():
            key = keys.get(name)
            if key is None:
                raise ConfigError(f"{file}: '{name[:80]}' is no setting: {_nearest(name, keys)}")
            found[name] = Setting(key, _value(key, value, f"{file}: {name}"), "file", str(file))
    variables = {key.variable: key for key in keys.values()}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES or not text:
            continue
        key = variables.get(variable)
        if key is None:
            raise ConfigError(f"the variable {variable[:80]} is no setting: {_nearest(variable, variables)}")
        found[key.name] = Setting(key, _value(key, text, variable), "environment", variable)
    for name, (flag, value) in (flags or {}).items():
        key = keys.get(name)
        if key is None:
            raise ConfigError(f"{flag}: '{name[:80]}' is no setting: {_nearest(name, keys)}")
        found[name] = Setting(key, _value(key, value, flag), "flag", flag)
    return Settings(found)


def _value(key: Key, value: Any, where: str) -> Any:
    if isinstance(value, str):
        value = from_text(value, key.kind)
    elif value is False and optional(key.kind):
        # YAML reads a bare "off" as false.
        value = None
    if not fits(value, key.kind):
        raise ConfigError(f"{where} = {str(value)[:80]!r}: must be {described(key.kind)}")
    low, high = _RANGES.get(key.name, (None, None))
    if low is not None and high is not None and value is not None and not low <= value <= high:
        raise ConfigError(f"{where} = {value:g}: must be from {low:g} to {high:g}")
    return value


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(name, known, n=1, cutoff=0.3)
    return f"did you mean '{near[0]}'?" if near else "songbloom config show --help lists them all"


_RANGES = MappingProxyType({"output.loudness": (-70, 0), "output.true_peak_ceiling": (-20, 0)})
"""Limits of values that neither model nor machine decides."""
