"""``songbloom new``: the same as ``songbloom generate``, asked for question by question."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable

from songbloom_x2.cli import generate
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import ConfigError, LyricsError

SECTION = "[verse] "
"""What lyrics without any section begin with."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``new``."""
    parser = subparsers.add_parser(
        "new",
        help="make a song by answering a few questions",
        description="Asks for lyrics, style, length and file, then makes the song. Enter takes what is in brackets.",
        epilog="example: songbloom new",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask on the terminal, then generate."""
    if not sys.stdin.isatty():
        raise ConfigError("songbloom new: asks questions on a terminal; without one, use songbloom generate")
    arguments = ask(input)
    print(f"\nsongbloom generate {shlex.join(arguments)}\n", file=sys.stderr)
    parser = argparse.ArgumentParser(prog="songbloom")
    generate.add_parser(parser.add_subparsers())
    return generate.run(parser.parse_args(["generate", *arguments]))


def ask(answer: Callable[[str], str]) -> list[str]:
    """Questions to ``answer`` (as ``input``) -> the arguments of ``songbloom generate``.

    Raises ``LyricsError`` where no words are given. The end of the input counts as Enter.
    """

    def asked(question: str) -> str:
        try:
            return answer(question).strip()
        except EOFError:
            return ""

    lines = [asked("Lyrics, line by line, or @FILE; an empty line ends them.\n> ")]
    while lines[-1] and not lines[0].startswith("@"):
        lines.append(asked("> "))
    lyrics = "\n".join(line for line in lines if line)
    if not lyrics:
        raise LyricsError("no lyrics were given: write at least one line")
    if not lyrics.startswith("@") and "[" not in lyrics:
        lyrics = SECTION + lyrics
    # The form with "=" also holds words that begin with a dash.
    arguments = [f"--lyrics={lyrics}"]
    for question, option, default in (
        ("Style, an audio file or a name [none]: ", "--style", ""),
        ("Seconds at most [as long as the words need]: ", "--duration", ""),
        ("Seed [0]: ", "--seed", ""),
        (f"File [{OutputConfig.file}]: ", "--out", OutputConfig.file),
    ):
        given = asked(question) or default
        if given:
            arguments.append(f"{option}={given}")
    return arguments
