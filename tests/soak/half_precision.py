"""Three thousand frames of the embedded model in half precision: every number stays finite.

    python tests/soak/half_precision.py --precision float16 --json tests/soak/results/float16.json

On a CPU, ``--precision float16`` is refused to users, who would gain nothing by it; here LM and DiT are put into it all
the same, since norms, softmax, rotary positions and solver state are float32 on every device.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from datetime import date
from pathlib import Path

import torch

from songbloom_x2.bench.report import machine, revision
from songbloom_x2.bench.worker import song_task
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.engine import Generation
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.placement import place
from songbloom_x2.runtime.plan import resolve


def main() -> int:
    """Make the frames; 1 where a latent is not finite."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--precision", choices=("float16", "bfloat16"), default="float16")
    parser.add_argument("--frames", type=int, default=3008)
    parser.add_argument("--steps", type=int, default=4, help="diffusion steps a block (default 4)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    plan = resolve(RuntimeConfig(device="cpu", precision="float32", optimisation="minimal"))
    model = load_model("embedded", plan).model
    place(model, torch.device("cpu"), getattr(torch, args.precision))
    sampling = dataclasses.replace(model.config.sampling, steps=args.steps)
    frames, finite, largest, started = 0, True, 0.0, time.perf_counter()
    with apply(plan), torch.inference_mode():
        for block in Generation(model.steps(), [song_task(model, args.frames, 0)], sampling).blocks():
            frames += block.latents.shape[1]
            finite = finite and bool(block.latents.isfinite().all())
            largest = max(largest, float(block.latents.abs().max()))
    answer = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "revision": revision(),
        "precision": args.precision,
        "frames": frames,
        "steps": args.steps,
        "seconds": round(time.perf_counter() - started, 1),
        "finite": finite,
        "largest_latent": round(largest, 3),
    }
    if args.json is not None:
        args.json.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(answer))
    return 0 if finite and frames >= args.frames - 16 else 1


if __name__ == "__main__":
    sys.exit(main())
