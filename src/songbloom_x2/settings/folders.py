"""The user's folders for configuration and for data, by the habits of each system."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "songbloom"


def config_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's ``config.yaml`` lies (it need not exist)."""
    return _folder(environment, "XDG_CONFIG_HOME", "APPDATA", ".config")


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where what was downloaded lies (it need not exist)."""
    return _folder(environment, "XDG_DATA_HOME", "LOCALAPPDATA", ".local/share")


def models_folder(given: str | None, environment: Mapping[str, str]) -> Path:
    """``given``, with ``~`` for the home folder, or the folder for models among the user's data."""
    return data_folder(environment) / "models" if given is None else Path(given).expanduser()


def styles_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's own styles lie (it need not exist)."""
    return data_folder(environment) / "styles"


def _folder(environment: Mapping[str, str], xdg: str, windows: str, below_home: str) -> Path:
    named = environment.get(windows if sys.platform == "win32" else xdg)
    if named and Path(named).is_absolute():
        return Path(named) / NAME
    home = Path(environment.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / NAME
    return home / below_home / NAME
