"""``songbloom keys``: who may use the server."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.serve import add_data_flags, need_extra, server_settings
from songbloom_x2.cli.settings_flags import add_config_flag

if TYPE_CHECKING:
    from songbloom_x2.jobs.keys import ApiKey, KeyStore

EPILOG = """\
examples:
  songbloom keys create studio
  songbloom keys create "a phone" --scopes read,make --max-songs-per-day 20
  songbloom keys list
  songbloom keys revoke 3f2a9c41d07be856
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``keys`` with its three commands."""
    parser = subparsers.add_parser(
        "keys",
        help="make, list and revoke API keys",
        description="From the first key on, the server asks every client for one. Only hashes of keys are kept.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    create = commands.add_parser(
        "create", help="make a key and print it, this once", epilog="example: songbloom keys create studio"
    )
    create.add_argument("name", metavar="NAME", help="who has it; for people")
    create.add_argument(
        "--scopes",
        default="read,make",
        metavar="LIST",
        help="read (look and listen), make (also make and delete), models (load and unload), metrics, "
        "admin (everything, also what belongs to others); default read,make",
    )
    create.add_argument("--owner", metavar="ID", help="open the songs of this owner (see keys list; default: its own)")
    create.add_argument("--priority", type=int, default=0, metavar="N", help="highest it may ask for (default 0)")
    create.add_argument("--max-running", type=int, metavar="K", help="jobs made at the same time")
    create.add_argument("--max-queued", type=int, metavar="K", help="jobs that wait")
    create.add_argument("--max-songs-per-day", type=int, metavar="K", help="songs in 24 hours")
    create.set_defaults(func=run_create)
    listing = commands.add_parser("list", help="show all keys", epilog="example: songbloom keys list --json")
    listing.set_defaults(func=run_list)
    revoke = commands.add_parser("revoke", help="end a key", epilog="example: songbloom keys revoke 3f2a9c41d07be856")
    revoke.add_argument("id", metavar="ID", help="as keys list shows it")
    revoke.set_defaults(func=run_revoke)
    for command in (create, listing, revoke):
        command.add_argument("--json", action="store_true", help="print JSON")
        add_data_flags(command)
        add_config_flag(command)


def run_create(args: argparse.Namespace) -> int:
    """Make a key; it alone goes to stdout."""
    with _store(args) as store:
        from songbloom_x2.jobs.keys import KeyLimits, scopes_of

        limits = KeyLimits(args.priority, args.max_running, args.max_queued, args.max_songs_per_day)
        key, token = store.create(args.name, scopes_of(args.scopes), limits, owner=args.owner)
    if args.json:
        print(json.dumps({"key": token.text, **_as_json(key)}))
    else:
        print(f"key '{key.name}' ({key.id}), scopes {', '.join(key.scopes)}; it is shown this once:", file=sys.stderr)
        print(token.text)
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print the keys."""
    with _store(args) as store:
        keys = store.all_keys()
    if args.json:
        print(json.dumps({"keys": [_as_json(key) for key in keys]}, indent=2))
    elif not keys:
        print("no keys: the server serves this machine only, and asks for none", file=sys.stderr)
    for key in () if args.json else keys:
        state = "revoked" if key.revoked else f"used {_day(key.used)}" if key.used else "never used"
        print(f"{key.id}  owner {key.owner}  {','.join(key.scopes)}  {_day(key.created)}  {state}  {key.name}")
    return 0


def run_revoke(args: argparse.Namespace) -> int:
    """End a key."""
    with _store(args) as store:
        key = store.revoke(args.id)
    if args.json:
        print(json.dumps(_as_json(key)))
    else:
        print(f"key '{key.name}' ({key.id}) is revoked", file=sys.stderr)
    return 0


@contextmanager
def _store(args: argparse.Namespace) -> Iterator[KeyStore]:
    settings = server_settings(args)
    need_extra("songbloom keys")
    from songbloom_x2.jobs.plan import ServicePlan
    from songbloom_x2.jobs.service import JobService

    service = JobService(ServicePlan.from_settings(settings))
    try:
        service.start(workers=False)
        yield service.keys
    finally:
        service.stop()


def _as_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": list(key.scopes),
        "priority": key.limits.priority,
        "max_running": key.limits.max_running,
        "max_queued": key.limits.max_queued,
        "max_songs_per_day": key.limits.max_songs_per_day,
        "created": key.created,
        "used": key.used,
        "revoked": key.revoked,
    }


def _day(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
