"""Mixing, variations, continuation and interpolation, with the changelog's names: a thin door to ``songbloom``.

    python scripts/advanced_features.py mix rock-dawn:0.7 prompt.wav:0.3 --out mine
    python scripts/advanced_features.py variations song.flac --seed 8 --n 3 --out "takes/{i}.flac"
    python scripts/advanced_features.py extend song.flac --lyrics @more.txt --duration 20 --out longer.flac
    python scripts/advanced_features.py interpolate --lyrics @words.txt --styles rock-dawn soul-cora --out "{i}.flac"

Every option of the commands behind it (``style mix``, ``vary``, ``extend``, ``interpolate``) is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.cli import main as songbloom

COMMANDS = {"mix": ["style", "mix"], "variations": ["vary"], "extend": ["extend"], "interpolate": ["interpolate"]}


def main(given: Sequence[str]) -> int:
    """Run the command that the first word stands for."""
    if given[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if not given or given[0] not in COMMANDS:
        named = f"'{given[0][:40]}'" if given else "nothing"
        print(f"advanced_features.py: {named} asked for: give one of {', '.join(COMMANDS)}, or --help", file=sys.stderr)
        return 2
    return songbloom([*COMMANDS[given[0]], *given[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
