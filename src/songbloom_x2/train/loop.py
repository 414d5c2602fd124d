"""The training loop: small, resumable to the bit, and ignorant of what it trains.

A batch and its random numbers are functions of (seed, step) alone, so a checkpoint needs only weights, averages,
optimiser and step; a resumed run makes the same bits as one that was never interrupted.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from songbloom_x2.errors import CheckpointError


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to train."""

    steps: int
    learning_rate: float = 1e-3
    final_fraction: float = 0.02
    """The cosine ends at this fraction of the learning rate."""
    warmup: int = 100
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    checkpoint_minutes: float = 10.0
    log_every: int = 20
    validate_every: int = 500
    bfloat16: bool = True


class Objective(Protocol):
    """What is trained: the loss of the batch of one step, and the validation figures."""

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """Loss (a scalar with gradient) of training step ``step``, and figures to log."""
        ...

    def validate(self) -> Mapping[str, float]:
        """Figures on held-out songs; the modules hold the averaged weights while it runs."""
        ...


def learning_rate(config: LoopConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to ``final_fraction``."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.learning_rate * (config.final_fraction + (1 - config.final_fraction) * cosine)


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


class Training:
    """One module (or several in a ``ModuleDict``) under one objective, with checkpoints in ``folder``."""

    def __init__(self, module: nn.Module, objective: Objective, config: LoopConfig, folder: Path) -> None:
        """Parameters that do not require gradients are left alone. An existing checkpoint is resumed."""
        self.module, self.objective, self.config, self.folder = module, objective, config, folder
        self.named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        decayed = [p for n, p in self.named.items() if p.dim() > 1 and "embedding" not in n]
        chosen = {id(p) for p in decayed}
        plain = [p for p in self.named.values() if id(p) not in chosen]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=config.betas,
            fused=True,
        )
        self.average = {n: p.detach().clone() for n, p in self.named.items()}
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """The one checkpoint of this run."""
        return self.folder / "checkpoint.pt"

    def _resume(self) -> None:
        state = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        mine = {k: v for k, v in asdict(self.config).items() if k not in ("log_every", "checkpoint_minutes")}
        theirs = {k: v for k, v in state["config"].items() if k in mine}
        if json.dumps(mine) != json.dumps(theirs):
            raise CheckpointError(
                f"{self.checkpoint_path} was made with other settings ({theirs}): use another folder, or those"
            )
        missing = set(self.named) ^ set(state["weights"])
        if missing:
            raise CheckpointError(f"{self.checkpoint_path} is of another model: {sorted(missing)[0]} does not match")
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(state["weights"][name])
                self.average[name].copy_(state["average"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])

    def save(self) -> None:
        """Write the checkpoint: temporary name, fsync, rename."""
        temporary = self.checkpoint_path.with_suffix(".part")
        with temporary.open("wb") as file:
            torch.save(
                {
                    "config": asdict(self.config),
                    "step": self.step,
                    "weights": {n: p.detach() for n, p in self.named.items()},
                    "average": self.average,
                    "optimiser": self.optimiser.state_dict(),
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.checkpoint_path)

    def _advance(self) -> dict[str, float]:
        rate = learning_rate(self.config, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss, figures = self.objective.loss(self.step, step_generator(self.config.seed, self.step))
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
        norm = nn.utils.clip_grad_norm_(list(self.named.values()), self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), 1 - decay)
        self.step += 1
        return {"loss": float(loss.detach()), "gradient_norm": float(norm), "learning_rate": rate, **figures}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this context lasts, the module holds the averaged weights."""
        kept = {n: p.detach().clone() for n, p in self.named.items()}
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(self.average[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self.named.items():
                    parameter.copy_(kept[name])

    def run(
        self,
        until: int | None = None,
        report: Callable[[dict[str, Any]], None] | None = None,
        export: Callable[[], None] | None = None,
    ) -> None:
        """Train to ``until`` (default: the configured steps); each log line goes to ``log.jsonl`` and ``report``.

        ``export`` is called with the averaged weights in place, after each validation.
        """
        last = min(until or self.config.steps, self.config.steps)
        saved = began = time.monotonic()
        first = self.step
        sums: dict[str, float] = {}
        count = 0
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            while self.step < last:
                for name, value in self._advance().items():
                    sums[name] = sums.get(name, 0.0) + value
                count += 1
                line: dict[str, Any] = {}
                if self.step % self.config.log_every == 0 or self.step == last:
                    line = {name: round(value / count, 6) for name, value in sums.items()}
                    line["steps_per_second"] = round((self.step - first) / (time.monotonic() - began), 3)
                    sums, count = {}, 0
                if self.step % self.config.validate_every == 0 or self.step == last:
                    with self.averaged(), torch.no_grad():
                        line |= {f"val_{k}": round(v, 6) for k, v in self.objective.validate().items()}
                        if export is not None:
                            export()
                if line:
                    line = {"step": self.step, **line}
                    log.write(json.dumps(line) + "\n")
                    log.flush()
                    if report is not None:
                        report(line)
                if time.monotonic() - saved > self.config.checkpoint_minutes * 60:
                    self.save()
                    saved = time.monotonic()
            self.save()
