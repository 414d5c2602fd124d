"""The command ``songbloom``: one module a command, imported only when that command is asked for."""

from songbloom_x2.cli.main import main

__all__ = ["main"]
