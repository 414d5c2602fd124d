"""The tree of the package with a line a file, from the first sentence of every module's docstring.

python scripts/tree.py            print it
python scripts/tree.py --write    put it into README.md, between its two marks
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "songbloom_x2"
README = ROOT / "README.md"
START, END = "<!-- tree -->", "<!-- end of tree -->"
WIDTH = 100


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, shortened to what a line holds."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.partition("\n\n")[0].split())
    first = re.split(r"(?<=[.;])\s|:\s(?=[A-Z])", paragraph)[0].rstrip(".;").replace("``", "")
    return first if len(first) <= WIDTH else first[: WIDTH - 1].rsplit(" ", 1)[0] + " …"


def lines(folder: Path, indent: str = "") -> list[str]:
    """A folder's files, then its folders, each with its sentence."""
    files = (path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py")
    made = [f"{indent}{path.name:<{26 - len(indent)}} {sentence(path)}" for path in files]
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        made.append(f"{indent}{inner.name + '/':<{26 - len(indent)}} {sentence(inner / '__init__.py')}".rstrip())
        made += lines(inner, indent + "  ")
    return made


def tree() -> str:
    """The whole block, as it stands in the README."""
    body = "\n".join(["src/songbloom_x2/", *lines(PACKAGE, "  ")])
    return f"{START}\n```\n{body}\n```\n{END}"


def written(readme: str) -> str:
    """The README with the tree of today."""
    before, rest = readme.split(START)
    return before + tree() + rest.split(END)[1]


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(tree())
