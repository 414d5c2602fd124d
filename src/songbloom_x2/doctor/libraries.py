"""Python, the packages that songs need, and the extras."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from songbloom_x2.doctor.finding import Finding

DISTRIBUTION = "songbloom-x2"
_NEED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(?:;(.*))?$")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_WHAT_FOR = {
    "zh": "Mandarin lyrics",
    "ui": "the web page",
    "server": "the HTTP server",
    "ray": "workers on several machines",
    "train": "corpus and training",
    "eval": "recognising the sung words",
    "export": "ONNX",
    "hub": "downloading models",
}


def libraries() -> Iterator[Finding]:
    """Findings on Python, packages and extras."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"{python} at {sys.executable}")
    needs = _needs()
    if needs is None:
        yield Finding("libraries", "note", "the package runs from its sources, not installed: extras cannot be told")
        needs = {"": ["torch", "numpy", "safetensors", "pyyaml", "soundfile", "scipy", "soxr", "mutagen"]}
    for need in needs.pop("", []):
        yield _package(need)
    for extra, packages in sorted(needs.items()):
        if extra not in _WHAT_FOR:
            continue
        missing = [name for name in packages if _version(name) is None]
        told = f"{extra} ({_WHAT_FOR[extra]})"
        if missing:
            lacking = ", ".join(missing)
            yield Finding("extras", "note", f"{told}: lacks {lacking}", f"pip install '{DISTRIBUTION}[{extra}]'")
        else:
            yield Finding("extras", "ok", told)


def _needs() -> dict[str, list[str]] | None:
    """Packages by extra (``""``: always), or none where the distribution is not installed."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return None
    found: dict[str, list[str]] = {}
    for line in lines:
        matched = _NEED.match(line)
        if matched is None or matched[1].lower().replace("_", "-") == DISTRIBUTION:
            continue
        condition = matched[3] or ""
        extra = _EXTRA.search(condition)
        # A package that other systems need only is not missing here.
        if "sys_platform != 'linux'" in condition.replace('"', "'") and sys.platform == "linux":
            continue
        found.setdefault(extra[1] if extra else "", []).append(matched[1])
    return found


def _package(name: str) -> Finding:
    found = _version(name)
    if found is None:
        return Finding("libraries", "problem", f"{name} is not installed", f"pip install --upgrade {DISTRIBUTION}")
    return Finding("libraries", "ok", f"{name} {found}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
