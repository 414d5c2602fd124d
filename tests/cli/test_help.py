"""Help is quick because nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from songbloom_x2.cli.commands import COMMANDS, GROUPS
from songbloom_x2.cli.parser import build_parser

HEAVY = ("torch", "numpy", "scipy", "soundfile", "soxr", "jieba", "safetensors", "yaml", "onnxruntime", "hibari")

PROGRAM = """
import sys
from songbloom_x2.cli import main
try:
    main({arguments!r})
except SystemExit as exit:
    assert exit.code == 0, exit.code
loaded = [name for name in {heavy!r} if name in sys.modules]
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    "words", [(), *((group,) for group in GROUPS), *(command.words for command in COMMANDS)], ids=" ".join
)
def test_help_is_shown_without_heavy_imports(words: tuple[str, ...], environment: Mapping[str, str]) -> None:
    program = PROGRAM.format(arguments=[*words, "--help"], heavy=HEAVY)
    made = subprocess.run(
        [sys.executable, "-c", program], env=dict(environment), capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(" ".join(["usage: songbloom", *words]))
    if words in [command.words for command in COMMANDS]:
        assert "example" in made.stdout


def test_the_table_names_the_parsers_that_modules_add(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            build_parser(command.words).parse_args([*command.words, "--help"])
        assert stopped.value.code == 0
        assert f"usage: songbloom {' '.join(command.words)}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from songbloom_x2 import __version__

    with pytest.raises(SystemExit) as stopped:
        build_parser(["--version"]).parse_args(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"songbloom-x2 {__version__}\n"
