"""The process that decodes one upload: ``python -m songbloom_x2.jobs.upload_child``, started by ``uploads`` only.

Limits come first, then the decoder. It says what it found as one JSON line on stdout.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from songbloom_x2.errors import AudioError


def limit(memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Bound what this process may ever take. Systems without these limits (Windows) have the parent's clock only."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return
    for name, value in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_FSIZE", file_bytes),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 64),
    ):
        which = getattr(resource, name)
        _, hard = resource.getrlimit(which)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError):
            if name != "RLIMIT_AS":  # macOS knows it, but does not take it
                raise


def main() -> int:
    """Decode ``argv[1]`` to ``argv[2]`` within the limits of ``argv[3]``, a JSON object."""
    limits = json.loads(sys.argv[3])
    limit(limits["memory_bytes"], limits["cpu_seconds"], limits["file_bytes"])
    from songbloom_x2.audio.bounded import transcribe

    try:
        made = transcribe(Path(sys.argv[1]), Path(sys.argv[2]), max_seconds=limits["max_seconds"])
    except AudioError as error:
        print(json.dumps({"refused": str(error)}))
        return 0
    except OSError as error:
        print(json.dumps({"unkept": error.errno}))
        return 0
    print(json.dumps({**made.__dict__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
