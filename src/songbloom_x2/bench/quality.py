"""How far a faster configuration is from plain float32, on the same inputs: what it costs in exactness.

A short song is made in float32 and every input of the LM and the DiT is kept; each configuration is then given the
same inputs. Differences of words that are heard are measured by ``songbloom eval``.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from songbloom_x2.bench.case import Case
from songbloom_x2.bench.configurations import configuration
from songbloom_x2.bench.run import Asked
from songbloom_x2.bench.sizes import RANDOM, random_config, write_weights
from songbloom_x2.bench.worker import load_case, song_task
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.engine import Generation
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import Steps

DEFAULT = ("standard_fp32", "optimized_bf16", "memory_int8", "ultra_memory_int8", "int4")
FRAMES = 64


@dataclass
class Recorded:
    """What went in and came out, in order. Velocities are kept of every seventh evaluation."""

    prefix: tuple[Tensor, Tensor] | None = None
    capacity: tuple[int, int] = (0, 0)
    rows: list[tuple[Tensor, int]] = field(default_factory=list)
    hidden: list[Tensor] = field(default_factory=list)
    evaluations: list[tuple[Tensor, ...]] = field(default_factory=list)
    velocities: list[Tensor] = field(default_factory=list)


def run(asked: Asked, told: Callable[[str], None]) -> dict[str, Any]:
    """One result a configuration; those that this machine cannot do are left out, with the reason."""
    results: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="songbloom-quality-") as folder:
        weights: str | None = None
        if asked.size in RANDOM:
            told("drawing weights")
            weights = str(Path(folder) / "weights.safetensors")
            write_weights(random_config(asked.size), Path(weights))
        plain = {"device": asked.device, "precision": "float32", "optimisation": "minimal", "threads": asked.threads}
        case = Case("float32", asked.size, FRAMES / 25, plain, weights=weights)
        told("float32")
        with torch.no_grad():
            recorded, logits = _record(case)
            for name in asked.configurations:
                told(name)
                runtime = {"device": asked.device, "threads": asked.threads, **configuration(name).get("runtime", {})}
                try:
                    results.append(_compared(dataclasses.replace(case, name=name, runtime=runtime), recorded, logits))
                except RuntimePlanError as error:
                    left_out[name] = str(error)
    return {"results": results, **({"left_out": left_out} if left_out else {})}


def _record(case: Case) -> tuple[Recorded, Tensor]:
    plan = resolve(RuntimeConfig(**case.runtime))
    recorded = Recorded()
    with apply(plan):
        model = load_case(case, plan)
        generation = Generation(
            _recording(model.steps(), recorded), [song_task(model, FRAMES, 0)], model.config.sampling
        )
        for _ in generation.blocks():
            pass
        return recorded, _logits(model, torch.cat(recorded.hidden))


def _recording(steps: Steps, recorded: Recorded) -> Steps:
    count = 0

    def new_cache(rows: int, capacity: int) -> KVCache:
        recorded.capacity = (rows, capacity)
        return steps.new_cache(rows, capacity)

    def prefill(rows: Tensor, lengths: Tensor, cache: KVCache) -> None:
        recorded.prefix = (rows.clone(), lengths.clone())
        steps.prefill(rows, lengths, cache)

    def lm_step(row: Tensor, cache: KVCache, context: int) -> Tensor:
        hidden = steps.lm_step(row, cache, context)
        recorded.rows.append((row.clone(), context))
        recorded.hidden.append(hidden.clone())
        return hidden

    def velocity(noisy: Tensor, time: Tensor, hidden: Tensor, sketch: Tensor, previous: Tensor) -> Tensor:
        nonlocal count
        found = steps.velocity(noisy, time, hidden, sketch, previous)
        if count % 7 == 0:
            recorded.evaluations.append(tuple(x.clone() for x in (noisy, time, hidden, sketch, previous)))
            recorded.velocities.append(found.clone())
        count += 1
        return found

    return dataclasses.replace(steps, new_cache=new_cache, prefill=prefill, lm_step=lm_step, velocity=velocity)


def _compared(case: Case, recorded: Recorded, logits: Tensor) -> dict[str, Any]:
    plan = resolve(RuntimeConfig(**case.runtime))
    with apply(plan):
        model = load_case(case, plan)
        steps = plan.steps(model)
        like = steps.bos
        cache = steps.new_cache(*recorded.capacity)
        assert recorded.prefix is not None, "the engine fills the prefix first"
        rows, lengths = recorded.prefix
        steps.prefill(rows.to(like), lengths, cache)
        hidden = torch.cat([steps.lm_step(row.to(like), cache, context) for row, context in recorded.rows])
        found = _logits(model, hidden)
        errors = []
        for (noisy, *others), wanted in zip(recorded.evaluations, recorded.velocities, strict=True):
            made = steps.velocity(noisy, *(other.to(like.dtype) for other in others))
            errors.append(float((made.float() - wanted).norm() / wanted.norm()))
    wide, narrow = logits.float().log_softmax(-1), found.float().log_softmax(-1)
    divergence = (wide.exp() * (wide - narrow)).sum(-1)
    return {
        "name": case.name,
        "logits_kl": float(divergence.mean()),
        "logits_kl_worst": float(divergence.max()),
        "token_agreement": float((wide.argmax(-1) == narrow.argmax(-1)).float().mean()),
        "velocity_error": sum(errors) / len(errors),
        "velocity_error_worst": max(errors),
    }


def _logits(model: SongModel, hidden: Tensor) -> Tensor:
    """Of the tokens, or of the aligned model's decisions and pitches taken together."""
    if model.alignment is None:
        return model.sketch.logits(hidden)
    decision, pitch, _ = model.alignment.split(hidden)
    joint = decision.log_softmax(-1)[..., None] + pitch.log_softmax(-1)[..., None, :]
    return joint.flatten(-2)


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """For the terminal."""
    lines = [f"{'configuration':<20} {'KL of logits':>14} {'same token':>11} {'velocity error':>15} {'worst':>8}"]
    lines += [
        f"{result['name']:<20} {result['logits_kl']:>14.2e} {result['token_agreement']:>10.1%} "
        f"{result['velocity_error']:>15.2e} {result['velocity_error_worst']:>8.1e}"
        for result in results
    ]
    return "\n".join(lines)
