"""``songbloom config show``: every setting, its value and where that came from."""

from __future__ import annotations

import argparse
import json
from typing import Any

from songbloom_x2.cli.settings_flags import add_config_flag, add_format_flags, add_machine_flags, settings_of
from songbloom_x2.errors import ConfigError

EXAMPLES = """\
examples:
  songbloom config show
  SONGBLOOM_RUNTIME_DEVICE=cpu songbloom config show --json
  songbloom config show --config studio.yaml --set sampling.steps=12
"""
_ABOUT = """\
Settings come from config.py, then config.yaml (--config, else ./config.yaml, else the user's configuration folder),
then SONGBLOOM_... variables, then flags; the later wins.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``show`` to the ``config`` commands."""
    from songbloom_x2.settings.reference import key_lines

    parser = subparsers.add_parser(
        "show",
        help="every setting, its value and where it came from",
        description=_ABOUT,
        epilog=f"{EXAMPLES}\nkeys of config.yaml (runtime.device is SONGBLOOM_RUNTIME_DEVICE):\n{key_lines()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as a flag would set it")
    add_format_flags(parser.add_argument_group("the files"))
    add_machine_flags(parser.add_argument_group("the machine"))
    add_config_flag(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print them all. Raises ``ConfigError`` for an unknown key or an unfit value, wherever it stands."""
    from songbloom_x2.config import SamplingConfig
    from songbloom_x2.request_checks import resolve_sampling

    settings = settings_of(args, dict(_pair(text) for text in args.set))
    resolve_sampling(SamplingConfig(), settings.given("sampling"))
    rows = [
        {**_plain(setting), "origin": setting.origin, "where": _where(setting.key.section, setting)}
        for setting in settings
    ]
    if args.json:
        print(json.dumps({"settings": rows}, ensure_ascii=False, indent=2))
        return 0
    widths = [max(len(_text(row[column])) for row in rows) for column in ("key", "value", "origin")]
    for row in rows:
        cells = (
            _text(row[column]).ljust(width) for column, width in zip(("key", "value", "origin"), widths, strict=True)
        )
        print("  ".join([*cells, row["where"]]))
    return 0


def _plain(setting: Any) -> dict[str, Any]:
    return {"key": setting.key.name, "value": setting.value}


def _where(section: str, setting: Any) -> str:
    if section == "sampling" and setting.origin == "default":
        return "config.py; a model's own value comes before it"
    where: str = setting.where
    return where


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _pair(text: str) -> tuple[str, tuple[str, str]]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {text}: must be KEY=VALUE, for example sampling.steps=12")
    return name, (f"--set {name}", value)
