"""One block of latents from its condition: the three kinds of guidance around a solver.

Format page, "Generation, per block", step 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from songbloom_x2.config import DitGuidance
from songbloom_x2.diffusion.solver import Solver

Velocity = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""``DiffusionTransformer.velocity``: noisy, time embedding, hidden, sketch, previous -> velocity."""


@dataclass(frozen=True)
class RenderCondition:
    """What the DiT is told about a block: ``hidden [B, dim]`` of the LM and ``sketch [B, sketch_rows, dim]``.

    ``known [B, block, D]`` holds latents that are decided already, NaN where the DiT decides. ``expected
    [B, block, D]`` is what a regression expects: the result is drawn towards it by ``share`` (0 to 1), not where it is
    NaN.
    """

    hidden: Tensor
    sketch: Tensor
    known: Tensor | None = None
    expected: Tensor | None = None
    share: float = 0.0

    def joined(self, other: RenderCondition) -> RenderCondition:
        """Both as one batch."""
        return RenderCondition(torch.cat((self.hidden, other.hidden)), torch.cat((self.sketch, other.sketch)))

    def silent(self) -> RenderCondition:
        """What the unconditional half sees: zeros."""
        return RenderCondition(torch.zeros_like(self.hidden), torch.zeros_like(self.sketch))


def render_block(
    velocity: Velocity,
    solver: Solver,
    times: Tensor,
    noise: Tensor,
    previous: Tensor,
    condition: RenderCondition,
    guidance: DitGuidance,
    factor: float,
    unconditional: RenderCondition | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """Latents ``[B, block, D]`` of one block of ``B`` songs.

    ``times [S, dim]`` are the time embeddings of ``solver.times``; ``noise`` and ``previous [B, block, D]``.
    ``h`` guides every evaluation against silence; ``global`` renders the ``unconditional`` branch from the same noise
    and combines the latents at the end. A ``factor`` of 1 costs no second half, nor does ``h`` at times outside
    ``interval``.
    """
    if guidance == "none" or factor == 1:
        both, halves = condition, 1
    elif guidance == "h":
        both, halves = condition.joined(condition.silent()), 2
    else:
        assert unconditional is not None, "global guidance needs the unconditional branch"
        both, halves = condition.joined(unconditional), 2
    before = previous.repeat(halves, 1, 1)

    def evaluate(x: Tensor, index: int) -> Tensor:
        time = times[index].expand(x.shape[0], -1)
        return velocity(x, time, both.hidden, both.sketch, before)

    def evaluate_guided(x: Tensor, index: int) -> Tensor:
        if not interval[0] <= solver.times[index] <= interval[1]:
            time = times[index].expand(x.shape[0], -1)
            return velocity(x, time, condition.hidden, condition.sketch, previous)
        return _combined(evaluate(x.repeat(2, 1, 1), index), factor)

    if halves == 1:
        latents = solver.solve(evaluate, noise)
    elif guidance == "h":
        latents = solver.solve(evaluate_guided, noise)
    else:
        latents = _combined(solver.solve(evaluate, noise.repeat(2, 1, 1)), factor)
    if condition.expected is not None:
        expected = condition.expected.to(latents.dtype)
        latents = torch.where(expected.isnan(), latents, torch.lerp(latents, expected, condition.share))
    if condition.known is None:
        return latents
    return torch.where(condition.known.isnan(), latents, condition.known.to(latents.dtype))


def _combined(halves: Tensor, factor: float) -> Tensor:
    conditional, unconditional = halves.chunk(2)
    return unconditional + (conditional - unconditional) * factor
