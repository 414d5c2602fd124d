"""Argument parsing of the command line: parsers that refuse in one line, built only as far as they are needed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from songbloom_x2 import __version__
from songbloom_x2.cli.commands import COMMANDS, GROUPS, Command

DESCRIPTION = "A local song studio: write lyrics, pick a style, and a song plays while it is being made."
EPILOG = "example: songbloom generate --lyrics '[verse] City lights are calling me home.' --out song.flac"


LONGEST_LINE = 400
"""Characters of a refusal; what was given may be of any length and is not repeated whole."""


def one_line(message: str) -> str:
    """A message fit for one line of a terminal, whatever was put into it."""
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(message.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusal is one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to read more; exit with code 2."""
        print(f"{self.prog}: {one_line(message)} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def build_parser(arguments: Sequence[str]) -> Parser:
    """The parser for these arguments. Only the modules of the command that they name are imported."""
    parser = Parser(prog="songbloom", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"songbloom-x2 {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    word = arguments[0] if arguments else ""
    for name, commands in _by_first_word().items():
        if len(commands) == 1 and commands[0].words == (name,):
            _add(subparsers, commands[0], asked_for=word == name)
            continue
        group = subparsers.add_parser(name, help=GROUPS[name], description=GROUPS[name])
        inner = group.add_subparsers(metavar="COMMAND", title="commands", required=True)
        second = arguments[1] if word == name and len(arguments) > 1 else ""
        for command in commands:
            _add(inner, command, asked_for=second == command.words[-1])
    return parser


def _by_first_word() -> dict[str, list[Command]]:
    found: dict[str, list[Command]] = {}
    for command in COMMANDS:
        found.setdefault(command.words[0], []).append(command)
    return found


def _add(subparsers: argparse._SubParsersAction[Parser], command: Command, *, asked_for: bool) -> None:
    if asked_for:
        importlib.import_module(f"songbloom_x2.cli.{command.module}").add_parser(subparsers)
    else:
        subparsers.add_parser(command.words[-1], help=command.help)
