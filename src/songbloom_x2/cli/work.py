"""``songbloom work``: workers alone, for a server elsewhere that shares database and data folder with them."""

from __future__ import annotations

import argparse
import logging
import signal
import threading

from songbloom_x2.cli.serve import add_data_flags, add_log_format_flag, add_worker_flags, need_extra, server_settings
from songbloom_x2.config import ServerConfig
from songbloom_x2.errors import ConfigError

EPILOG = """\
examples:
  songbloom serve --workers 0 --data-dir songs &
  songbloom work --workers 2 --data-dir songs
  songbloom work --database postgresql://songs@database/songs --data-dir /data --device cuda

Server and workers need the same database and the same data folder: songs go from one to the other as files.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``work``."""
    parser = subparsers.add_parser(
        "work",
        help="make the songs of a server that runs elsewhere",
        description="Takes jobs from the queue until it is stopped (Ctrl-C, SIGTERM); what is not done goes back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    data = parser.add_argument_group("the queue")
    add_data_flags(data)
    add_log_format_flag(data)
    add_worker_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Work until a signal comes. Raises ``ConfigError`` where no worker was asked for."""
    settings = server_settings(args)
    if settings["jobs.executor"] == "local" and settings["jobs.workers"] < 1:
        raise ConfigError(f"jobs.workers: {settings['jobs.workers']}; songbloom work needs 1 or more")
    need_extra("the workers")
    from songbloom_x2.api.logs import configure
    from songbloom_x2.jobs.plan import ServicePlan
    from songbloom_x2.jobs.service import JobService

    configure(settings.section(ServerConfig).log_format)
    stopped = threading.Event()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: stopped.set())
    service = JobService(ServicePlan.from_settings(settings))
    try:
        service.start()
        logging.getLogger(__name__).info("working for %s", service.plan.data_dir)
        stopped.wait()
    finally:
        service.stop()
    return 0
