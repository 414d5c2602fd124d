"""``songbloom models list``: the models that are known by name."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from songbloom_x2.cli.settings_flags import add_config_flag, add_models_dir_flag, settings_of

EPILOG = """\
examples:
  songbloom models list
  songbloom models list --json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``list`` to the ``models`` commands."""
    parser = subparsers.add_parser(
        "list",
        help="the models that are known by name",
        description="Known models: what they are, whether they are on this machine, licence, repository and files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every file")
    add_models_dir_flag(parser)
    add_config_flag(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from songbloom_x2.checkpoints.registry import MODELS
    from songbloom_x2.settings.folders import models_folder

    settings = settings_of(args)
    folder = models_folder(settings["models.folder"], os.environ)
    entries = [entry_of(name, folder, settings["models.repository"], settings["models.revision"]) for name in MODELS]
    if args.json:
        print(json.dumps({"models": entries}, ensure_ascii=False, indent=2))
        return 0
    for entry in entries:
        print(f"{entry['name']}: {entry['about']}")
        print(f"  licence     {entry['licence']}")
        print(f"  here        {entry['path'] or 'no'}")
        if entry["repository"]:
            print(f"  repository  {entry['repository']} ({entry['revision']})")
            print(f"  formerly    {entry['original']}, deleted by its authors")
        for file in entry["files"]:
            size = "size unknown" if file["bytes"] is None else f"{file['bytes']} bytes"
            print(f"  file        {file['name']}: {size}, SHA-256 {file['sha256'] or 'unknown until downloaded'}")
    return 0


def entry_of(name: str, folder: Path, repository: str | None, revision: str) -> dict[str, Any]:
    """What is known of one model, as plain JSON values; sizes and checksums are the registry's or the download's."""
    from songbloom_x2.checkpoints.download_record import read_record
    from songbloom_x2.checkpoints.load import locate
    from songbloom_x2.checkpoints.registry import MODELS
    from songbloom_x2.errors import CheckpointError

    known = MODELS[name]
    try:
        path: str | None = str(locate(name, folder))
    except CheckpointError:
        path = None
    record = read_record(folder / name)
    files = []
    for file in known.files:
        recorded = record.get(file.name)
        size, sha256 = (recorded.size, recorded.sha256) if recorded else (file.size, file.sha256)
        files.append({"name": file.name, "bytes": size, "sha256": sha256})
    return {
        "name": name,
        "about": known.about,
        "licence": known.licence,
        "path": path,
        "repository": None if known.repository is None else repository or known.repository,
        "revision": None if known.repository is None else revision,
        "original": known.original,
        "files": files,
    }
