"""From arguments to an exit code: 0 done, 2 refused (one line on stderr), 130 stopped by a signal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from songbloom_x2.cli.interrupts import raise_on_signals
from songbloom_x2.cli.parser import build_parser, one_line
from songbloom_x2.errors import SongBloomError

STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser(given)
    try:
        raise_on_signals()
        args = parser.parse_args(given)
        code: int = args.func(args)
        sys.stdout.flush()
        return code
    except SongBloomError as error:
        print(f"songbloom: {one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("songbloom: stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Whoever read our output has left; without this, Python complains once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # The system's own refusal, where no room has words for it: a name that is too long, a disk that went away.
        told = f"{error.filename or 'a file'}: {error.strerror or error}"
        print(f"songbloom: {one_line(told)}", file=sys.stderr)
        return SongBloomError.exit_code
