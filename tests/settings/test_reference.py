"""The pages about the settings are those of today, and the example file is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from songbloom_x2.settings.keys import all_keys
from songbloom_x2.settings.reference import example, key_lines, markdown
from songbloom_x2.settings.resolve import resolve_settings

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_are_up_to_date() -> None:
    again = "run: python scripts/config_reference.py --write"
    assert (DOCS / "config.md").read_text(encoding="utf-8") == markdown(), again
    assert (DOCS / "config.example.yaml").read_text(encoding="utf-8") == example(), again


@pytest.mark.parametrize("live", [False, True], ids=["as it is", "every line live"])
def test_the_example_holds_the_defaults(live: bool, tmp_path: Path) -> None:
    text = example()
    if live:
        keys = {key.field for key in all_keys().values()}
        lines = (
            line.replace("  # ", "  ", 1) if line[4:].split(":")[0] in keys else line for line in text.splitlines()
        )
        text = "\n".join(lines)
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    settings = list(resolve_settings(config=file, environment={"HOME": str(tmp_path)}))
    assert {setting.origin for setting in settings} == {"file" if live else "default"}
    assert [setting.value for setting in settings] == [setting.key.default for setting in settings]


def test_help_lists_every_key() -> None:
    assert [line.split()[0] for line in key_lines().splitlines()] == list(all_keys())
