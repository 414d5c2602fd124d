"""The settings as documentation: a list for the terminal, a page in Markdown, an example file."""

from __future__ import annotations

import json
import textwrap

from songbloom_x2.settings.keys import SECTIONS, all_keys, documentation
from songbloom_x2.settings.values import described

_INTRODUCTION = """\
# Settings

Every default stands in `src/songbloom_x2/config.py`. A `config.yaml` overrides it, a `SONGBLOOM_…` variable that, and a
flag of the command line all of them. The file is the one of `--config`, else `config.yaml` in the working folder, else
`config.yaml` in the user's configuration folder: `~/.config/songbloom` on Linux, on macOS
`~/Library/Application Support/songbloom`, on Windows `%APPDATA%\\songbloom`. An unknown key or variable is an error
that names the nearest.

`songbloom config show` prints every value and where it came from. [config.example.yaml](config.example.yaml) is a file
to start from. This page and that file are made from the docstrings of `config.py` by
`python scripts/config_reference.py --write`.
"""


def key_lines() -> str:
    """One line a key, for ``--help``."""
    told, keys = documentation(), all_keys()
    width = max(map(len, keys))
    return "\n".join(
        f"  {name.ljust(width)}  {told[name]} (default {_shown(key.default)})" for name, key in keys.items()
    )


def markdown() -> str:
    """``docs/config.md``."""
    told, keys = documentation(), all_keys()
    lines = [_INTRODUCTION]
    for section in SECTIONS:
        lines += [f"## {section}", "", told[section], "", "| key | variable | values | default | what for |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for key in keys.values():
            if key.section == section:
                cells = (
                    f"`{key.name}`",
                    f"`{key.variable}`",
                    described(key.kind),
                    f"`{_shown(key.default)}`",
                    told[key.name],
                )
                lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def example() -> str:
    """``docs/config.example.yaml``: every key with its default, as a comment; sections are live."""
    told, keys = documentation(), all_keys()
    lines = ["# Settings of SongBloom Next-Gen X2: take away the # before a line and change its value."]
    for section in SECTIONS:
        lines += ["", *_comment(told[section], ""), f"{section}:"]
        for key in keys.values():
            if key.section == section:
                lines += [*_comment(told[key.name], "  "), f"  # {key.field}: {_shown(key.default)}"]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(text, 100)]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
