"""Fifty songs in one process: memory stays flat, whatever their lengths.

    python tests/soak/flat_memory.py --songs 50 --json tests/soak/results/flat_memory.json

After each song the system's account of the process is read. The mean of the last ten songs may not lie more than 5 %
above that of songs 6 to 15: the first ones warm up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from datetime import date
from pathlib import Path

from songbloom_x2.bench.report import machine, revision
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.runtime.resident import device_bytes, resident_bytes
from songbloom_x2.types import SongRequest

LINES = (
    "Morning light upon the bay.",
    "Every boat is on its way.",
    "Hear the wind begin to play.",
    "Stay with me today.",
)
ALLOWED = 1.05


def request(number: int) -> SongRequest:
    """Songs of one to four lines, from 1.5 to 3 seconds."""
    count = 1 + number % 4
    words = "\n".join(LINES[:count])
    return SongRequest(f"[verse]\n{words}", duration=1.5 + 0.5 * (number % 4), seed=number)


def main() -> int:
    """Make the songs; 1 where memory grew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songs", type=int, default=50)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device=args.device))
    sizes, on_device, started = [], [], time.perf_counter()
    for number in range(args.songs):
        pipeline.generate(request(number))
        sizes.append(resident_bytes())
        on_device.append(device_bytes(pipeline.plan.torch_device))
        print(f"song {number + 1}: {sizes[-1] / 1e6:.0f} MB", file=sys.stderr)
    early, late = statistics.fmean(sizes[5:15]), statistics.fmean(sizes[-10:])
    flat = late <= ALLOWED * early
    answer = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "revision": revision(),
        "songs": args.songs,
        "seconds": round(time.perf_counter() - started, 1),
        "growth": round(late / early - 1, 4),
        "flat": flat,
        "resident_bytes": sizes,
        "device_bytes": on_device,
    }
    if args.json is not None:
        args.json.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(f"{args.songs} songs: {early / 1e6:.0f} MB early, {late / 1e6:.0f} MB late, {'flat' if flat else 'it grew'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
