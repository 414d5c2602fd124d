"""Every setting there is: the fields of ``config.py``'s user-facing dataclasses, under the names of their sections."""

from __future__ import annotations

import ast
import dataclasses
import typing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from songbloom_x2 import config
from songbloom_x2.config import (
    JobLimits,
    JobsConfig,
    ModelsConfig,
    OutputConfig,
    RuntimeConfig,
    SamplingConfig,
    ServerConfig,
)

PREFIX = "SONGBLOOM_"
SECTIONS = MappingProxyType(
    {
        "models": ModelsConfig,
        "sampling": SamplingConfig,
        "runtime": RuntimeConfig,
        "output": OutputConfig,
        "jobs": JobsConfig,
        "limits": JobLimits,
        "server": ServerConfig,
    }
)
"""Section of ``config.yaml`` -> the dataclass that holds its keys and defaults."""
OTHER_VARIABLES = frozenset({"SONGBLOOM_TORCH_INDEX"})
"""Variables with our prefix that are no settings of the program (``quickstart.sh`` reads them)."""


@dataclass(frozen=True)
class Key:
    """One setting: ``section.field``, its type annotation and its default."""

    section: str
    field: str
    kind: Any
    default: Any

    @property
    def name(self) -> str:
        """As in ``config.yaml``, with a dot."""
        return f"{self.section}.{self.field}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}_{self.field}".upper()


def all_keys() -> dict[str, Key]:
    """Every key by name, section after section."""
    keys = {}
    for section, kind in SECTIONS.items():
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            key = Key(section, field.name, hints[field.name], field.default)
            keys[key.name] = key
    return keys


def documentation() -> dict[str, str]:
    """What every section and every key is for: the docstrings of ``config.py``, as single lines."""
    sections = {kind.__name__: name for name, kind in SECTIONS.items()}
    told = {}
    for node in ast.parse(Path(config.__file__).read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef) or node.name not in sections:
            continue
        section = sections[node.name]
        told[section] = _line(ast.get_docstring(node) or "")
        for assigned, after in zip(node.body, node.body[1:], strict=False):
            if isinstance(assigned, ast.AnnAssign) and isinstance(assigned.target, ast.Name):
                told[f"{section}.{assigned.target.id}"] = _docstring(after)
    return told


def _docstring(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return _line(node.value.value)
    return ""


def _line(text: str) -> str:
    return " ".join(text.replace("``", "").split())
