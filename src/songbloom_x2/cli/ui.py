"""``songbloom ui``: the studio, a web page on this machine; the same server as ``songbloom serve``, and a browser."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from songbloom_x2.cli.serve import add_server_flags, run_server
from songbloom_x2.errors import MissingExtraError

EPILOG = """\
examples:
  songbloom ui
  songbloom ui --port 8080 --data-dir songs --no-browser
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``ui``."""
    parser = subparsers.add_parser(
        "ui",
        help="open the studio in the browser",
        description="Runs until it is stopped (Ctrl-C). Songs that are not done then go on at the next start.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    net = add_server_flags(parser)
    net.add_argument("--no-browser", dest="browser", action="store_false", help="only serve; open the page yourself")


def run(args: argparse.Namespace) -> int:
    """Serve, and open the page where there is a screen."""
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError("the studio", "ui")

    def listening(host: str, port: int) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        print(f"The studio: {address}", file=sys.stderr, flush=True)
        if args.browser and _has_screen():
            import webbrowser

            # The connection waits until the server answers.
            webbrowser.open(address)

    return run_server(args, listening)


def _has_screen() -> bool:
    """Without one, a browser of the terminal would take over the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
