"""Help is quick because nothing heavy is imported for it; every command shows examples."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from songbloom_x2.cli.commands import COMMANDS, GROUPS
from songbloom_x2.cli.parser import build_parser

HEAVY = ("torch", "numpy", "scipy", "soundfile", "soxr", "jieba", "safetensors", "yaml", "onnxruntime", "hibari",
         "huggingface_hub", "mutagen")  # fmt: skip

PROGRAM = """
import contextlib, io, json, sys
from songbloom_x2.cli import main
told = []
for words in json.load(sys.stdin):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            code = main([*words, "--help"])
        except SystemExit as stopped:
            code = stopped.code
    told.append([code, printed.getvalue(), [name for name in {heavy!r} if name in sys.modules]])
print(json.dumps(told))
"""


def inner(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words of every command inside a parser, at any depth."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield (*words, name)
                yield from inner(below, (*words, name))


def find(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> argparse.ArgumentParser:
    for word in words:
        (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = action.choices[word]
    return parser


def every_command() -> list[tuple[str, ...]]:
    """All words of the table, and those of commands that have commands of their own."""
    found: list[tuple[str, ...]] = [(), *((group,) for group in GROUPS)]
    for command in COMMANDS:
        found += [command.words, *inner(find(build_parser(command.words), command.words), command.words)]
    return found


@pytest.fixture(scope="module")
def shown(environment: Mapping[str, str]) -> dict[tuple[str, ...], tuple[int, str, list[str]]]:
    """Exit code, help and heavy modules loaded so far, of every command, in one fresh process."""
    words = every_command()
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY)],
        input=json.dumps(words),
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert made.returncode == 0, made.stderr
    return {name: (told[0], told[1], told[2]) for name, told in zip(words, json.loads(made.stdout), strict=True)}


def test_help_is_shown_without_heavy_imports(shown: dict[tuple[str, ...], tuple[int, str, list[str]]]) -> None:
    assert len(shown) > len(COMMANDS) + len(GROUPS)
    for words, (code, help, heavy) in shown.items():
        assert code == 0, words
        assert heavy == [], words
        assert help.startswith(" ".join(["usage: songbloom", *words])), words


def test_every_command_shows_examples(shown: dict[tuple[str, ...], tuple[int, str, list[str]]]) -> None:
    silent = [words for words, (_, help, _) in shown.items() if words not in {(group,) for group in GROUPS}
              and f"songbloom {' '.join(words)}".strip() not in help.partition("example")[2]]  # fmt: skip
    assert silent == []


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
