"""The one ``config.yaml``: where it is looked for, and its keys as ``section.field``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from songbloom_x2.errors import ConfigError
from songbloom_x2.settings.folders import config_folder

FILE = "config.yaml"
_MOST_BYTES = 2**20


def find_config_file(given: Path | None, environment: Mapping[str, str], folder: Path | None = None) -> Path | None:
    """The file to read: ``given``, else ``config.yaml`` in ``folder`` or in the user's configuration folder, if any.

    Raises ``ConfigError`` where the given one is not there.
    """
    if given is not None:
        if given.is_dir() or not given.exists():
            raise ConfigError(f"--config {given}: no such file; songbloom config show tells which one is read")
        return given
    places = (FILE if folder is None else folder / FILE, config_folder(environment) / FILE)
    return next((path for path in map(Path, places) if path.is_file()), None)


def read_config_file(path: Path) -> dict[str, Any]:
    """Keys (``section.field``) and plain values. Raises ``ConfigError`` where it cannot be read or is no YAML."""
    import yaml

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{path}: larger than 1 MB, which no settings are")
        tree = yaml.safe_load(data.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{path}{where}: not YAML; see songbloom config show --help for what belongs there") from None
    except (RecursionError, ValueError):
        raise ConfigError(f"{path}: not plain YAML in UTF-8") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: must hold sections with keys, for example 'runtime:' and below it 'device: cpu'")
    found: dict[str, Any] = {}
    for section, keys in tree.items():
        if isinstance(keys, dict):
            found |= {f"{section}.{key}": value for key, value in keys.items()}
        elif keys is not None:
            # A key outside any section: told as unknown by whoever knows the keys.
            found[str(section)] = keys
    return found
