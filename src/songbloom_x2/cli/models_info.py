"""``songbloom models info``: what one model is, as JSON."""

from __future__ import annotations

import argparse
import json
import os

from songbloom_x2.cli.settings_flags import add_config_flag, add_models_dir_flag, settings_of

EPILOG = """\
examples:
  songbloom models info embedded
  songbloom models info models/songbloom_full_150s
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``info`` to the ``models`` commands."""
    parser = subparsers.add_parser(
        "info",
        help="configuration, size and checksums of a model, as JSON",
        description="Read a model whole and print configuration, parameters by part, bytes by precision and checksums. "
        "For a known model that is not on this machine: what the registry knows.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME|DIR", help="a known name or a model's folder")
    parser.add_argument("--json", action="store_true", help="the same; JSON is all it prints")
    add_models_dir_flag(parser)
    add_config_flag(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print one JSON object."""
    from pathlib import Path

    from songbloom_x2.checkpoints.describe import describe
    from songbloom_x2.checkpoints.load import locate
    from songbloom_x2.checkpoints.registry import MODELS
    from songbloom_x2.cli.models_list import entry_of
    from songbloom_x2.settings.folders import models_folder

    settings = settings_of(args)
    folder = models_folder(settings["models.folder"], os.environ)
    told = None
    if args.name in MODELS:
        told = entry_of(args.name, folder, settings["models.repository"], settings["models.revision"])
    model = None if told and told["path"] is None else describe(Path(locate(args.name, folder)))
    print(json.dumps({"registry": told, "model": model}, ensure_ascii=False, indent=2))
    return 0
