"""Write ``constraints.txt`` anew: one pinned version of every package that any extra can pull in.

    python3.11 scripts/make_constraints.py python3.10 python3.11 python3.12 python3.13 > constraints.txt

The pip of each interpreter named resolves once (nothing is installed); versions that differ between them get a marker.
torch is given by hand below, because the newest one is not always the one that was tested. Where an index offers a
build with a local version (``2.13.0+cpu``), the pin without it accepts both.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTED = ("torch==2.13.0", "numpy==2.4.6 ; python_version >= '3.11'")
ADDED = ("tinysoundfont==0.3.7",)
"""Not resolved, because a dependency of it must be built on Linux; installed without its dependencies there."""


def requirements(project: dict[str, Any]) -> list[str]:
    """Every requirement of the project and of its extras, except those that point back to it."""
    found = {*project["dependencies"], *(item for extra in project["optional-dependencies"].values() for item in extra)}
    return sorted(item for item in found if not item.startswith("songbloom-x2["))


def resolve(python: str, wanted: list[str]) -> dict[str, str]:
    """Name and version of everything that interpreter's pip would install."""
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", *wanted]
    report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    packages = (item["metadata"] for item in json.loads(report)["install"])
    return {re.sub(r"[-_.]+", "-", item["name"]).lower(): item["version"].split("+")[0] for item in packages}


def python_version(python: str) -> str:
    """Major and minor version of an interpreter, as markers have it."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def constraints(versions: dict[str, dict[str, str]]) -> list[str]:
    """One line a package where all Pythons agree, else one a version with its marker."""
    lines = []
    for name in sorted({name for packages in versions.values() for name in packages}):
        pythons: dict[str, list[str]] = {}
        for python, packages in versions.items():
            if name in packages:
                pythons.setdefault(packages[name], []).append(python)
        for version, where in pythons.items():
            marker = " or ".join(f'python_version == "{python}"' for python in where)
            lines.append(f"{name}=={version}" if len(pythons) == 1 else f"{name}=={version} ; {marker}")
    return sorted([*lines, *ADDED], key=lambda line: line.partition("==")[0])


def main() -> None:
    """Resolve with every interpreter on the command line and print the file."""
    import tomllib  # Python 3.11: this script's own interpreter, not the project's lowest

    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    wanted = [*requirements(tomllib.loads(text)["project"]), *TESTED]
    versions = {python_version(python): resolve(python, wanted) for python in sys.argv[1:]}
    print("# What the project was tested with; pip reads it: pip install -c constraints.txt -e .")
    print("# Written by scripts/make_constraints.py; do not edit by hand.")
    print("\n".join(constraints(versions)))


if __name__ == "__main__":
    main()
