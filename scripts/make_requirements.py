"""requirements.txt from pyproject.toml and constraints.txt: what ``pip install -r requirements.txt`` is looked for as.

python scripts/make_requirements.py > requirements.txt
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
HEADER = """\
# What songs, the web page and the HTTP server need, in the versions that were tested: pip install -r requirements.txt
# Written by scripts/make_requirements.py from pyproject.toml and constraints.txt; do not edit by hand.
# The package itself, with other extras: pip install -c constraints.txt '.[all]'
"""
EXTRAS = ("zh", "ui", "server")


def canonical(requirement: str) -> str:
    """The bare name of a requirement, as indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def requirements() -> str:
    """The file's text."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(need for extra in EXTRAS for need in project["optional-dependencies"][extra])]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wanted = {canonical(need): re.search(r"\[[^\]]*\]", need) for need in asked}
    lines = []
    for pin in pins:
        if pin.startswith("#") or (name := canonical(pin)) not in wanted:
            continue
        bracket = wanted[name]
        lines.append(pin if bracket is None else pin.replace(name, name + bracket[0], 1))
    return HEADER + "".join(f"{line}\n" for line in sorted(lines))


if __name__ == "__main__":
    sys.stdout.write(requirements())
