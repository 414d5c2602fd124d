"""How near every solver comes to a 200-step solution, on songs of different words, styles and seeds.

python benchmarks/solvers.py --blocks 4 --json benchmarks/cpu-solvers.json

Each block is solved from the same noise by every solver; the song goes on with the released one's latents. The error
is the root mean square of the difference to 200 Euler steps, relative to the latents' deviation.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from torch import Tensor

from songbloom_x2.bench.report import machine, revision
from songbloom_x2.config import RuntimeConfig, SamplingConfig, SongConfig
from songbloom_x2.diffusion.solver import Solver, VelocityAt, build_solver
from songbloom_x2.engine import Generation
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.runtime.apply import apply
from songbloom_x2.types import SongRequest

REFERENCE = "released 200"
SOLVERS: Mapping[str, Mapping[str, Any]] = {
    REFERENCE: {"solver": "released", "steps": 200},
    **{f"released {steps}": {"solver": "released", "steps": steps} for steps in (12, 36)},
    **{
        f"{name} {steps}": {"solver": name, "steps": steps} for name in ("ab2", "multistep") for steps in (6, 8, 10, 12)
    },
    **{f"midpoint {steps}": {"solver": "midpoint", "steps": steps} for steps in (6, 10)},
}
SONGS = (
    ("[verse]\nThe harbour wakes below the hill.\nThe boats are rocking, all is still.", 11),
    ("[chorus]\nRun, run, the river runs.\nCatch the light of seven suns.", 202),
    ("[intro]\n[verse]\nQuietly the snow comes down.\nCandles glow across the town.", 3003),
    ("[verse]\nTwo little birds upon a wire.\nOne sings low and one sings higher.", 40),
    ("[inst]\n[chorus]\nLift your head and hum along.\nEvery street has got a song.", 555),
)


class Several:
    """All solvers on the same noise; what the released one finds is the block."""

    def __init__(self, solvers: Mapping[str, Solver], own: Solver) -> None:
        self._solvers = {**solvers, "": own}
        self.found: list[dict[str, Tensor]] = []

    @property
    def times(self) -> tuple[float, ...]:
        """Of all solvers, one after the other."""
        return tuple(time for solver in self._solvers.values() for time in solver.times)

    def solve(self, velocity: VelocityAt, noise: Tensor) -> Tensor:
        """Latents of the released solver; the others' are kept."""
        found, first = {}, 0
        for name, solver in self._solvers.items():

            def shifted(x: Tensor, index: int, first: int = first) -> Tensor:
                return velocity(x, first + index)

            found[name] = solver.solve(shifted, noise)
            first += len(solver.times)
        self.found.append(found)
        return found[""]


def several(config: SongConfig, kept: list[Several]) -> Callable[[SamplingConfig], Several]:
    """What stands in for ``Steps.solver``."""

    def build(sampling: SamplingConfig) -> Several:
        solvers = {
            name: build_solver(config, dataclasses.replace(sampling, **settings)) for name, settings in SOLVERS.items()
        }
        kept.append(Several(solvers, build_solver(config, sampling)))
        return kept[-1]

    return build


def errors(pipeline: SongPipeline, blocks: int) -> dict[str, list[float]]:
    """Of every solver, one number a song."""
    found: dict[str, list[float]] = {name: [] for name in SOLVERS if name != REFERENCE}
    workshop, styles = pipeline._workshop, pipeline.styles
    for number, (lyrics, seed) in enumerate(SONGS):
        style = styles[number * 7 % len(styles)] if styles else None
        (prepared,) = pipeline.prepare(SongRequest(lyrics, seed=seed, style=style))
        kept: list[Several] = []
        steps = dataclasses.replace(workshop.steps, solver=several(pipeline.config, kept))
        with apply(pipeline.plan):
            generation = Generation(steps, [prepared.task()], prepared.sampling).blocks()
            for _ in range(blocks):
                next(generation)
        truth = [block[REFERENCE] for block in kept[0].found]
        spread = statistics.fmean(float(latents.var()) for latents in truth) ** 0.5
        for name in found:
            squares = [float((block[name] - block[REFERENCE]).square().mean()) for block in kept[0].found]
            found[name].append(statistics.fmean(squares) ** 0.5 / spread)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", type=int, default=4, help="of each song (default 4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    args = parser.parse_args()
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device="cpu"))
    found = errors(pipeline, args.blocks)
    for name, values in found.items():
        print(f"{name:<14} mean {statistics.fmean(values):.4f}  worst song {max(values):.4f}")
    if args.json is not None:
        answer = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "revision": revision(),
            "model": pipeline.description["sha256"],
            "songs": len(SONGS),
            "blocks": args.blocks,
            "errors": found,
        }
        args.json.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
