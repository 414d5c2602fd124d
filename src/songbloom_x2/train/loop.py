"""The training loop: small, resumable to the bit, and ignorant of what it trains.

A batch and its random numbers are functions of (seed, step) alone, so a checkpoint needs only weights, averages,
optimiser and step; a resumed run makes the same bits as one that was never interrupted.

Several processes, each with a device of its own, share a step through Lightning Fabric: each takes another batch, and
the gradients' mean is what all of them follow.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from songbloom_x2.errors import CheckpointError
from songbloom_x2.train.gates import Gate
from songbloom_x2.train.run_log import RunLog

if TYPE_CHECKING:
    from lightning_fabric import Fabric


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
    tensorboard: bool = False
    gates: tuple[Gate, ...] = ()
    """The training ends where the validation reaches all of them."""


_FREE = ("log_every", "checkpoint_minutes", "tensorboard", "gates")
"""Settings that a resumed run may have other than the one before."""


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

    def __init__(
        self,
        module: nn.Module,
        objective: Objective,
        config: LoopConfig,
        folder: Path,
        fabric: Fabric | None = None,
    ) -> None:
        """Parameters that do not require gradients are left alone. An existing checkpoint is resumed.

        ``fabric``: launched already; the module lies on its device, with the same weights in every process.
        """
        self.module, self.objective, self.config, self.folder = module, objective, config, folder
        self._fabric = fabric
        self._ranks, self._rank = (1, 0) if fabric is None else (fabric.world_size, fabric.global_rank)
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
        self.finished = False
        """Whether the gates were reached."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """The one checkpoint of this run."""
        return self.folder / "checkpoint.pt"

    def _resume(self) -> None:
        state = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        mine = {k: v for k, v in asdict(self.config).items() if k not in _FREE}
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
        reached = state.get("reached")
        self.finished = bool(self.config.gates) and reached == [asdict(gate) for gate in self.config.gates]

    def save(self) -> None:
        """Write the checkpoint: temporary name, fsync, rename. Of several processes the first does."""
        if self._rank:
            return
        temporary = self.checkpoint_path.with_suffix(".part")
        with temporary.open("wb") as file:
            torch.save(
                {
                    "config": asdict(self.config),
                    "step": self.step,
                    "weights": {n: p.detach() for n, p in self.named.items()},
                    "average": self.average,
                    "optimiser": self.optimiser.state_dict(),
                    "reached": [asdict(gate) for gate in self.config.gates] if self.finished else None,
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
        # Each process draws a batch of its own; alone, the step's number decides.
        draw = self.step * self._ranks + self._rank
        loss, figures = self.objective.loss(draw, step_generator(self.config.seed, draw))
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
        self._share_gradients()
        norm = nn.utils.clip_grad_norm_(list(self.named.values()), self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), 1 - decay)
        self.step += 1
        return {"loss": float(loss.detach()), "gradient_norm": float(norm), "learning_rate": rate, **figures}

    def _share_gradients(self) -> None:
        """The mean of all processes' gradients in the place of each one's own."""
        if self._fabric is None or self._ranks == 1:
            return
        parameters = list(self.named.values())
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        shared = self._fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(shared, Tensor)
        sizes = [p.numel() for p in parameters]
        for parameter, part in zip(parameters, torch.split(shared, sizes), strict=True):
            parameter.grad = part.view_as(parameter)

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
        sums: dict[str, tuple[float, int]] = {}
        with self._log() as log:
            while self.step < last and not self.finished:
                for name, value in self._advance().items():
                    total, count = sums.get(name, (0.0, 0))
                    sums[name] = total + value, count + 1
                line: dict[str, Any] = {}
                if self.step % self.config.log_every == 0 or self.step == last:
                    line = {name: round(total / count, 6) for name, (total, count) in sums.items()}
                    line["steps_per_second"] = round((self.step - first) / (time.monotonic() - began), 3)
                    sums = {}
                if self.step % self.config.validate_every == 0 or self.step == last:
                    line |= self._validated(export)
                if line and log is not None:
                    line = {"step": self.step, **line}
                    log.write(line)
                    if report is not None:
                        report(line)
                if self.finished or time.monotonic() - saved > self.config.checkpoint_minutes * 60:
                    self.save()
                    saved = time.monotonic()
            self.save()

    def _log(self) -> AbstractContextManager[RunLog | None]:
        """The run's log; only the first process writes."""
        if self._rank:
            return nullcontext()
        return RunLog(self.folder, tensorboard=self.config.tensorboard, step=self.step)

    def _validated(self, export: Callable[[], None] | None) -> dict[str, float]:
        """Figures of the averaged weights, and whether they reach the gates. The same in every process."""
        found: dict[str, float] = {}
        with self.averaged(), torch.no_grad():
            if not self._rank:
                found = {f"val_{name}": round(value, 6) for name, value in self.objective.validate().items()}
                if export is not None:
                    export()
            if self._fabric is not None and self._ranks > 1:
                found = self._fabric.broadcast(found)
        gates = self.config.gates
        self.finished = bool(gates) and all(gate.reached(found) for gate in gates)
        return found
