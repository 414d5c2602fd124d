"""Training of the band decoder on band stems: what goes in is what it sees in use, features after the PCA."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from songbloom_x2.codec.mel import HOP, band_features, feature_margin
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.train.codec.compare import after_whitening, distances
from songbloom_x2.train.codec.crops import PcmArray, draw_batch
from songbloom_x2.train.codec.losses import DECIBELS, SpectralLoss


@dataclass(frozen=True)
class BandTraining:
    """How long, how fast, how often. Times in minutes of wall clock."""

    minutes: float = 80.0
    batch: int = 4
    frames: int = 112
    """Feature frames of a crop, 100 a second; a multiple of four."""
    learning_rate: float = 1e-3
    warm_up: int = 200
    final_fraction: float = 0.02
    weight_decay: float = 0.01
    average: float = 0.999
    latent_noise: float = 0.08
    """Standard deviation at most of the noise added to the latents, which have unit variance."""
    mel_weight: float = 1.0
    seed: int = 0
    validate_every: float = 5.0
    validation_crops: int = 10


class BandTrainer:
    """One run, resumable: everything that it depends on is in its checkpoint."""

    def __init__(self, codec: TwoStemCodec, plan: BandTraining, folder: Path) -> None:
        self.codec, self.plan, self.folder = codec, plan, folder
        self.model = codec.band_decoder
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), plan.learning_rate, betas=(0.85, 0.97), weight_decay=plan.weight_decay, fused=True
        )
        self.loss = SpectralLoss()
        self.rng = np.random.default_rng(plan.seed)
        self.noise = torch.Generator().manual_seed(plan.seed)
        self.step, self.spent, self.best = 0, 0.0, math.inf
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, songs: Sequence[PcmArray], held_out: Sequence[PcmArray]) -> None:
        """Train until the plan's minutes are spent (those before a resumption count)."""
        trial = draw_batch(held_out, self.plan.validation_crops, 300, np.random.default_rng(1))
        losses: list[float] = []
        last, next_validation = time.monotonic(), self.spent + self.plan.validate_every
        while self.spent < self.plan.minutes:
            if self.spent >= next_validation:
                self._validate(trial, losses)
                next_validation, losses = self.spent + self.plan.validate_every, []
                self.save()
            losses.append(self.train_step(draw_batch(songs, self.plan.batch, self.plan.frames, self.rng)))
            now = time.monotonic()
            self.spent, last = self.spent + (now - last) / 60, now
        self._validate(trial, losses)
        self.save()

    def train_step(self, audio: Tensor) -> float:
        """One step on crops with margins ``[B, 2, n]``; gives the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * self._rate()
        target = audio[..., feature_margin() : -feature_margin()]
        wanted_features = band_features(audio, padded=True)
        features = self._as_in_use(wanted_features)
        first = int(self.rng.integers(0, 20000))
        with torch.autocast("cpu", torch.bfloat16):
            sound = self.model(features, first)
        wanted, made = _trimmed(target), _trimmed(sound)
        if self.rng.random() < 0.5:
            wanted, made = _mid_side(wanted), _mid_side(made)
        sizes = (int(self.rng.choice(self.loss.sizes)),)
        loss = self.loss(made, wanted, sizes)
        mel = (band_features(sound) - wanted_features)[:, 3:-3].abs().mean()
        total = loss + self.plan.mel_weight * mel
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self._update_average()
        self.step += 1
        return float(total.detach())

    def save(self) -> None:
        """The whole run, to ``checkpoint.pt``; written beside and renamed, so that a crash leaves the last one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "noise": self.noise.get_state(),
            "step": self.step,
            "spent": self.spent,
            "best": self.best,
            "plan": asdict(self.plan),
        }
        beside = self.folder / "checkpoint.pt.new"
        torch.save(state, beside)
        beside.replace(self.folder / "checkpoint.pt")

    def resume(self) -> bool:
        """Go on from ``checkpoint.pt`` where there is one; says whether there was."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return False
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.noise.set_state(state["noise"])
        self.step, self.spent, self.best = state["step"], state["spent"], state["best"]
        return True

    @torch.no_grad()
    def _as_in_use(self, features: Tensor) -> Tensor:
        """Features after the PCA, with a little of the noise that a model's latents have."""
        latents = self.codec.encode_features(features)
        level = torch.rand(len(latents), 1, 1, generator=self.noise) * self.plan.latent_noise
        latents = latents + level * torch.randn(latents.shape, generator=self.noise)
        slot = torch.zeros(len(latents), self.codec.config.voice_dim, latents.shape[2])
        return self.codec.band_features_of(torch.cat([slot, latents], dim=1))

    def _rate(self) -> float:
        rising = min(1.0, (self.step + 1) / self.plan.warm_up)
        falling = 0.5 * (1 + math.cos(math.pi * min(self.spent / self.plan.minutes, 1.0)))
        return rising * (self.plan.final_fraction + (1 - self.plan.final_fraction) * falling)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.plan.average, (self.step + 1) / (self.step + 10))
        for mean, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)

    @torch.inference_mode()
    def _validate(self, trial: Tensor, losses: list[float]) -> None:
        """Log the held-out distances of the averaged weights; export them when they are the best so far."""
        features = band_features(trial, padded=True)
        seen = after_whitening(self.codec, features)
        sound = torch.cat([self.average(part) for part in torch.split(seen, 4)])
        found = distances(sound, trial[..., feature_margin() : -feature_margin()], features)
        record = {
            "step": self.step,
            "minutes": round(self.spent, 2),
            "train": round(float(np.mean(losses)), 4) if losses else None,
            **found,
            "rate": self._rate() * self.plan.learning_rate,
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(record) + "\n")
        score = found["spectral"] + found["mel_db"] / DECIBELS
        if score < self.best:
            self.best = score
            weights = {f"band_decoder.{name}": value.contiguous() for name, value in self.average.state_dict().items()}
            beside = self.folder / "decoder.safetensors.new"
            save_file(weights, beside, metadata={"step": str(self.step), "mel_db": str(record["mel_db"])})
            beside.replace(self.folder / "decoder.safetensors")


def _trimmed(sound: Tensor) -> Tensor:
    """Without the ends, where frames outside the crop are missing."""
    return sound[..., 3 * HOP : -3 * HOP]


def _mid_side(sound: Tensor) -> Tensor:
    left, right = sound.unbind(1)
    return torch.stack([(left + right) / 2, (left - right) / 2], dim=1)
