"""Flags of ``generate`` that send a list of songs to a Ray cluster."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from songbloom_x2.config import ExecutorName, JobsConfig

_FLAGS = (("executor", "jobs.executor"), ("ray_address", "jobs.ray_address"), ("max_replicas", "jobs.max_replicas"))


def add_ray_flags(group: argparse._ArgumentGroup) -> None:
    """Where the songs of a list are made."""
    jobs = JobsConfig()
    group.add_argument(
        "--executor", choices=get_args(ExecutorName), help=f"where they are made (default {jobs.executor})"
    )
    group.add_argument("--ray-address", metavar="ADDRESS", help="a Ray cluster (default: one on this machine alone)")
    group.add_argument(
        "--max-replicas",
        type=int,
        metavar="K",
        help=f"models at work at the same time (default {jobs.max_replicas})",
    )


def ray_settings(args: argparse.Namespace) -> dict[str, tuple[str, Any]]:
    """The flags that were given, as ``settings_of`` takes them."""
    given = {name: getattr(args, name, None) for name, _ in _FLAGS}
    return {key: (f"--{name.replace('_', '-')}", given[name]) for name, key in _FLAGS if given[name] is not None}
