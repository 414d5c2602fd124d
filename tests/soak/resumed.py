"""Is a training that was killed and begun again the same, to the bit, as one that was left alone? Takes some minutes.

    python tests/soak/resumed.py --steps 200 --out runs/resumed

The small released configuration on songs of chance: once straight through; once stopped by ``--until``, begun again and
killed some steps later, and begun again to the end. Prints one line of JSON; exit code 1 where a bit differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch


def command(out: Path, steps: int, *more: str) -> list[str]:
    """The training's command line."""
    shape = ["--config", "released-tiny", "--random", "8", "--frames", "32", "--batch", "2", "--float32", "--seed", "3"]
    program = [sys.executable, "-m", "songbloom_x2", "train", "model", *shape]
    return [*program, "--steps", str(steps), "--validate-every", str(steps), "--out", str(out), *more]


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Weights and averages of a checkpoint."""
    kept = torch.load(folder / "checkpoint.pt", weights_only=True)
    return {f"{part}.{name}": value for part in ("weights", "average") for name, value in kept[part].items()}


def last_step(folder: Path) -> int:
    """The last step in a run's log."""
    return int(json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["step"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    straight, broken = args.out / "straight", args.out / "broken"
    for folder in (straight, broken):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(command(straight, args.steps), check=True, stdout=subprocess.DEVNULL)
    stop = args.steps * 3 // 5
    subprocess.run(command(broken, args.steps, "--until", str(stop)), check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen(command(broken, args.steps), stdout=subprocess.DEVNULL) as running:
        while running.poll() is None and last_step(broken) <= stop:
            time.sleep(0.05)
        running.kill()
    subprocess.run(command(broken, args.steps), check=True, stdout=subprocess.DEVNULL)
    first, second = state(straight), state(broken)
    different = [name for name in first if not torch.equal(first[name], second[name])]
    report = {
        "steps": args.steps,
        "stopped_after": stop,
        "killed": running.returncode,
        "tensors": len(first),
        "different": len(different),
    }
    print(json.dumps(report))
    return 1 if different or first.keys() != second.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
