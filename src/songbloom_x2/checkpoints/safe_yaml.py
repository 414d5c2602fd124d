"""Reading small YAML and JSON files that somebody else wrote.

Only plain data comes out (mappings, lists, strings, numbers, booleans, none). Refused: more than a few megabytes,
object tags, nesting without end, and aliases that would unfold into more than a sane number of values.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from songbloom_x2.errors import CheckpointError

MAX_BYTES = 4 * 2**20
MAX_VALUES = 200_000
_DEEPEST = 64


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also reads ``1e-4`` as a number, as YAML 1.2 and the released configs mean it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> Any:
    """Plain data of a YAML file; ``CheckpointError`` names the file and the line where it is not sound."""
    text = _read_text(path)
    try:
        # The class below derives from SafeLoader: no tag builds an object.
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise CheckpointError(f"{path.name}{where}: not plain YAML ({_one_line(problem)}); fetch it again") from None
    except (RecursionError, ValueError):
        raise CheckpointError(f"{path.name}: not plain YAML (nested too deep, or a malformed value)") from None
    _check_size(data, path)
    return data


def read_json(path: Path) -> Any:
    """Plain data of a JSON file, under the same limits as :func:`read_yaml`."""
    try:
        data = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CheckpointError(f"{path.name}{where}: not valid JSON; fetch it again") from None
    _check_size(data, path)
    return data


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{path.name}: larger than {MAX_BYTES // 2**20} MB, which no model's config is")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path.name}: cannot be read in {path.parent} ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path.name}: not a text file") from None


def _check_size(data: Any, path: Path) -> None:
    """Count the values as if every alias were written out."""
    sizes: dict[int, int] = {}

    def size(value: Any, depth: int) -> int:
        if not isinstance(value, dict | list):
            return 1
        if depth > _DEEPEST:
            raise CheckpointError(f"{path.name}: nested deeper than {_DEEPEST}, or an alias inside itself")
        known = sizes.get(id(value))
        if known is None:
            children = value.values() if isinstance(value, dict) else value
            known = 1 + sum(size(child, depth + 1) for child in children)
            sizes[id(value)] = known
        return known

    if size(data, 0) > MAX_VALUES:
        raise CheckpointError(f"{path.name}: unfolds into more than {MAX_VALUES} values")


def _one_line(text: str) -> str:
    return " ".join(str(text).split())[:120]
