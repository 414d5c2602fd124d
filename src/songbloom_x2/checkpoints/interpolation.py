"""``${...}`` in the released configs, as OmegaConf understands it, without OmegaConf.

Known: ``${a.b}`` (from the root), ``${.a}`` and ``${..a}`` (relative), and the five resolvers of the released code:
``eval`` (arithmetic only), ``concat``, ``get_fname``, ``load_yaml``, ``dynamic_path``. They nest. A value is resolved
when it is asked for, once; loops, runaway growth and files outside the model's folder are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from songbloom_x2.checkpoints.arithmetic import evaluate
from songbloom_x2.checkpoints.folder import inside
from songbloom_x2.checkpoints.safe_yaml import read_yaml
from songbloom_x2.errors import CheckpointError

MISSING = "???"
"""OmegaConf's mark for a value that was never given; ``dynamic_path`` puts the model's folder in its place."""

_RESOLVER = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*:(.*)$", re.DOTALL)
_LONGEST_TEXT = 20_000
_LONGEST_LIST = 50_000
_DEEPEST = 40

KeyPath = tuple[str, ...]


class ResolvedConfig:
    """A config tree whose values are resolved on demand."""

    def __init__(self, tree: dict[str, Any], folder: Path, source: str) -> None:
        """``folder`` is the model's folder, ``source`` the config's file name (for messages)."""
        self._tree = tree
        self._folder = folder.absolute()
        self._source = source
        self._known: dict[KeyPath, Any] = {}
        self._open: list[KeyPath] = []
        self.loaded: list[Path] = []
        """Files that ``load_yaml`` has read so far."""
        self._resolvers: dict[str, Callable[[Sequence[Any]], Any]] = {
            "eval": self._eval,
            "concat": self._concat,
            "get_fname": self._get_fname,
            "load_yaml": self._load_yaml,
            "dynamic_path": self._dynamic_path,
        }

    def get(self, dotted: str) -> Any:
        """The resolved value at a dotted path, with everything below it; ``None`` where there is nothing."""
        return self._lookup(tuple(dotted.split(".")), required=False)

    def _lookup(self, path: KeyPath, *, required: bool) -> Any:
        if path in self._known:
            return self._known[path]
        if path in self._open or len(self._open) > _DEEPEST:
            raise self._error(path, "refers to itself, or through too many others")
        self._open.append(path)
        try:
            value = self._walk(path, required)
        finally:
            self._open.pop()
        self._known[path] = value
        return value

    def _walk(self, path: KeyPath, required: bool) -> Any:
        node: Any = self._tree
        for depth, key in enumerate(path):
            if isinstance(node, str) and "${" in node:
                node = self._lookup(path[:depth], required=required)
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif required:
                raise self._error(path, "is referred to but not there")
            else:
                return None
        return self._resolve(node, path)

    def _resolve(self, node: Any, path: KeyPath) -> Any:
        if isinstance(node, dict):
            return {key: self._lookup((*path, str(key)), required=True) for key in node}
        if isinstance(node, list):
            return [self._lookup((*path, str(index)), required=True) for index in range(len(node))]
        if isinstance(node, str):
            return self._text(node, path, 0)
        return node

    def _text(self, text: str, path: KeyPath, depth: int) -> Any:
        """A string with its interpolations filled in; keeps the type where it is one interpolation and nothing else."""
        if "${" not in text:
            return text
        if depth > _DEEPEST:
            raise self._error(path, f"is nested deeper than {_DEEPEST}")
        parts: list[Any] = []
        at = 0
        while at < len(text):
            start = text.find("${", at)
            if start < 0:
                parts.append(text[at:])
                break
            if start > at:
                parts.append(text[at:start])
            end = _closing(text, start + 2)
            if end < 0:
                raise self._error(path, f"has '${{' without its '}}' in '{text[:80]}'")
            parts.append(self._interpolation(text[start + 2 : end], path, depth + 1))
            at = end + 1
        if len(parts) == 1:
            return parts[0]
        if any(isinstance(part, dict | list) for part in parts):
            raise self._error(path, "mixes text with a list or mapping")
        joined = "".join("null" if part is None else str(part) for part in parts)
        if len(joined) > _LONGEST_TEXT:
            raise self._error(path, "grows without measure")
        return joined

    def _interpolation(self, inner: str, path: KeyPath, depth: int) -> Any:
        call = _RESOLVER.match(inner)
        if call is None:
            key = str(self._text(inner, path, depth)).strip()
            return self._lookup(self._absolute(key, path), required=True)
        name, arguments = call.group(1), call.group(2)
        resolver = self._resolvers.get(name)
        if resolver is None:
            raise self._error(path, f"uses the resolver '{name}', which no released model has")
        return resolver([self._argument(argument, path, depth) for argument in _split(arguments)])

    def _absolute(self, key: str, path: KeyPath) -> KeyPath:
        dots = len(key) - len(key.lstrip("."))
        names = tuple(name for name in key[dots:].split(".") if name)
        if not names or dots > len(path):
            raise self._error(path, f"refers to '{key[:80]}', which is no key")
        return (*path[: len(path) - dots], *names) if dots else names

    def _argument(self, text: str, path: KeyPath, depth: int) -> Any:
        text = text.strip()
        if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]:
            return self._text(text[1:-1], path, depth)
        if text.startswith("[") and text.endswith("]"):
            return [self._argument(item, path, depth) for item in _split(text[1:-1])]
        return self._text(text, path, depth)

    def _eval(self, arguments: Sequence[Any]) -> Any:
        text = str(_one(arguments, self, "eval"))
        try:
            return evaluate(text)
        except ValueError as error:
            raise CheckpointError(
                f"{self._source}: '{text[:80]}' is not arithmetic ({error}); a config's code is never run"
            ) from None

    def _concat(self, arguments: Sequence[Any]) -> list[Any]:
        if not all(isinstance(argument, list) for argument in arguments):
            raise CheckpointError(f"{self._source}: the resolver 'concat' takes lists only")
        joined = [item for argument in arguments for item in argument]
        if len(joined) > _LONGEST_LIST:
            raise CheckpointError(f"{self._source}: a list made by 'concat' grows without measure")
        return joined

    def _get_fname(self, arguments: Sequence[Any]) -> str:
        return PurePosixPath(str(_one(arguments, self, "get_fname"))).stem

    def _load_yaml(self, arguments: Sequence[Any]) -> Any:
        path = inside(self._folder, str(_one(arguments, self, "load_yaml")), self._source)
        self.loaded.append(path)
        return read_yaml(path)

    def _dynamic_path(self, arguments: Sequence[Any]) -> str:
        return str(_one(arguments, self, "dynamic_path")).replace(MISSING, str(self._folder))

    def _error(self, path: KeyPath, problem: str) -> CheckpointError:
        return CheckpointError(f"{self._source}: '{'.'.join(path)[:80]}' {problem}")


def _one(arguments: Sequence[Any], config: ResolvedConfig, name: str) -> Any:
    if len(arguments) != 1:
        raise CheckpointError(f"{config._source}: the resolver '{name}' takes one value, not {len(arguments)}")
    return arguments[0]


def _closing(text: str, start: int) -> int:
    """Index of the ``}`` that closes the interpolation opened before ``start``; -1 where there is none."""
    depth = 1
    for index in range(start, len(text)):
        if text.startswith("${", index):
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return -1


def _split(text: str) -> list[str]:
    """Arguments between commas that stand outside brackets and quotes; nothing at all is no argument."""
    if not text.strip():
        return []
    parts = [""]
    depth = 0
    quote = ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[{(":
            depth += 1
        elif character in "]})":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += character
    return parts
