"""``songbloom serve``: the HTTP API, and the web page where its packages are installed."""

from __future__ import annotations

import argparse
import importlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import ExecutorName, JobsConfig, LogFormat, ServerConfig
from songbloom_x2.errors import MissingExtraError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from songbloom_x2.jobs.service import JobService
    from songbloom_x2.settings.resolve import Settings

EPILOG = """\
examples:
  songbloom serve
  songbloom serve --port 8080 --data-dir songs
  songbloom keys create studio && songbloom serve --host 0.0.0.0
  songbloom serve --executor ray --min-replicas 1 --max-replicas 4
  songbloom serve --database postgresql://songs@localhost/songs --log-format json
  songbloom serve --workers 0                      (songbloom work makes the songs)
"""
_FLAGS = {
    "host": "server.host",
    "port": "server.port",
    "insecure": "server.insecure",
    "cors_origin": "server.cors_origins",
    "log_format": "server.log_format",
    "page": "server.page",
    "data_dir": "jobs.data_dir",
    "database": "jobs.database",
    "executor": "jobs.executor",
    "workers": "jobs.workers",
    "ray_address": "jobs.ray_address",
    "min_replicas": "jobs.min_replicas",
    "max_replicas": "jobs.max_replicas",
}
"""Where argparse puts a flag's value -> the setting that it is."""

_log = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``serve``."""
    parser = subparsers.add_parser(
        "serve",
        help="run the HTTP API and the web page",
        description="Runs until it is stopped (Ctrl-C, SIGTERM). Jobs that are not done then go on at the next start.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    net = add_server_flags(parser)
    _add(net, "--no-page", dest="page", action="store_false", help="the API alone, without the web page")


def add_server_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Where it listens, where things are kept, which workers and which machine; gives the first group."""
    server = ServerConfig()
    net = parser.add_argument_group("the server")
    add_data_flags(net)
    _add(net, "--host", metavar="ADDRESS", help=f"more than this machine needs API keys (default {server.host})")
    _add(net, "--port", type=int, metavar="P", help=f"0 takes a free one (default {server.port})")
    _add(net, "--insecure", action="store_true", help="listen beyond this machine without keys")
    _add(net, "--cors-origin", action="append", metavar="ORIGIN", help="a web page's origin that may use the API")
    add_log_format_flag(net)
    add_worker_flags(parser)
    return net


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Which workers make the songs, and on which machine."""
    jobs = JobsConfig()
    work = parser.add_argument_group("the workers")
    _add(work, "--executor", choices=get_args(ExecutorName), help=f"where songs are made (default {jobs.executor})")
    _add(work, "--workers", type=int, metavar="K", help=f"worker processes (default {jobs.workers})")
    _add(work, "--ray-address", metavar="ADDRESS", help="a Ray cluster (default: one on this machine alone)")
    _add(work, "--min-replicas", type=int, metavar="K", help=f"Ray workers at least (default {jobs.min_replicas})")
    _add(work, "--max-replicas", type=int, metavar="K", help=f"Ray workers at most (default {jobs.max_replicas})")
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_config_flag(machine)


def add_data_flags(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Where jobs, songs and keys are kept."""
    _add(group, "--data-dir", metavar="DIR", help="where songs and the database lie (default: see config show)")
    _add(group, "--database", metavar="URL", help="postgresql://… (default: SQLite in the data folder)")


def add_log_format_flag(group: argparse._ArgumentGroup) -> None:
    """How the log is written."""
    _add(group, "--log-format", choices=get_args(LogFormat), help=f"(default {ServerConfig().log_format})")


def server_settings(args: argparse.Namespace) -> Settings:
    """All settings, with the flags of this command on top. Raises ``ConfigError``."""
    more: dict[str, tuple[str, Any]] = {}
    for name, key in _FLAGS.items():
        value = getattr(args, name, None)
        if value is not None:
            flag = "--no-page" if name == "page" else f"--{name.replace('_', '-')}"
            more[key] = (flag, " ".join(value) if isinstance(value, list) else value)
    return settings_of(args, more)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    return run_server(args)


def run_server(args: argparse.Namespace, listening: Callable[[str, int], object] | None = None) -> int:
    """Serve until a signal comes; ``listening`` is told address and port once a connection can be made."""
    settings = server_settings(args)
    need_extra("the server")
    from songbloom_x2.api.logs import configure
    from songbloom_x2.api.reach import bind, check_reach
    from songbloom_x2.api.run import serve
    from songbloom_x2.config import ServerConfig
    from songbloom_x2.jobs.plan import ServicePlan
    from songbloom_x2.jobs.service import JobService

    server = settings.section(ServerConfig)
    configure(server.log_format)
    page = _page() if server.page else None
    service = JobService(ServicePlan.from_settings(settings))
    try:
        service.start(workers=False)
        check_reach(server, keyed=service.keys.needed())
        with bind(server) as listener:
            if listening is not None:
                listening(*listener.getsockname()[:2])
            service.start()
            serve(service, server, listener, page)
    finally:
        service.stop()
    return 0


def need_extra(feature: str) -> None:
    """Raise ``MissingExtraError`` where the packages of the extra ``server`` are not installed."""
    try:
        for name in ("fastapi", "uvicorn", "sqlalchemy", "alembic"):
            importlib.import_module(name)
    except ModuleNotFoundError:
        raise MissingExtraError(feature, "server") from None


def _page() -> Callable[[FastAPI, JobService], object] | None:
    """What puts the page on the application; none, with a line in the log, where it is not installed."""
    try:
        importlib.import_module("gradio")
    except ModuleNotFoundError:
        _log.info("without the web page: %s", MissingExtraError("it", "ui"))
        return None
    from songbloom_x2.ui import mount

    return mount


def _add(group: argparse._ArgumentGroup | argparse.ArgumentParser, *names: str, **options: Any) -> None:
    """A flag without a default, so that file and environment show through."""
    group.add_argument(*names, default=None, **options)
