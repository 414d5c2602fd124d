"""``songbloom doctor``: is the installation whole, and what does this machine offer?"""

from __future__ import annotations

import argparse
import json
import os

from songbloom_x2.cli.settings_flags import add_config_flag

EPILOG = """\
examples:
  songbloom doctor
  songbloom doctor --json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``doctor``."""
    parser = subparsers.add_parser(
        "doctor",
        help="examine the installation and the machine",
        description="Look at libraries, processor, GPU, memory, disk, models, audio formats, fonts and the server's "
        "port. Each finding says what to do. Exit code 1 where something must be put right.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_config_flag(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Examine; 1 where there is a problem."""
    from songbloom_x2.doctor.run import examine

    findings = []
    for finding in examine(os.environ, args.config):
        findings.append(finding)
        if not args.json:
            print(finding.line(), flush=True)
    problems = sum(finding.state == "problem" for finding in findings)
    if args.json:
        print(json.dumps({"ok": not problems, "findings": [finding.to_json() for finding in findings]}, indent=1))
    else:
        print(f"{problems} to be put right" if problems else "all is well: songbloom generate makes songs here")
    return 1 if problems else 0
