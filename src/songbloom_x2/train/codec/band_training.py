"""What the band decoder is trained for (``train.loop.Objective``): band stems, heard as it sees them in use, after the
PCA."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from songbloom_x2.codec.mel import HOP, band_features, feature_margin
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.train.codec.compare import after_whitening, distances
from songbloom_x2.train.codec.crops import PcmArray, draw_batch
from songbloom_x2.train.codec.losses import DECIBELS, SpectralLoss
from songbloom_x2.train.loop import LoopConfig

LATENT_NOISE = 0.08
"""Standard deviation at most of the noise added to the latents, which have unit variance."""
FRAMES = 112
"""Feature frames of a crop, 100 a second; a multiple of four."""
TRIAL_CROPS = 10


def band_loop(
    steps: int, learning_rate: float = 1e-3, seed: int = 0, *, bfloat16: bool, validate_every: int = 1000
) -> LoopConfig:
    """The loop's settings for the band decoder."""
    return LoopConfig(
        steps=steps,
        learning_rate=learning_rate,
        warmup=min(200, steps // 8),
        weight_decay=0.01,
        betas=(0.85, 0.97),
        clip=5.0,
        seed=seed,
        log_every=100,
        validate_every=validate_every,
        bfloat16=bfloat16,
    )


class BandObjective:
    """Spectra at several resolutions, and the features themselves; the parameters are ``codec.band_decoder``'s."""

    def __init__(
        self,
        codec: TwoStemCodec,
        songs: Sequence[PcmArray],
        held_out: Sequence[PcmArray],
        *,
        batch: int = 4,
        frames: int = FRAMES,
        trial_crops: int = TRIAL_CROPS,
        bfloat16: bool = False,
    ) -> None:
        """``batch`` crops of ``frames`` a step; ``codec`` has its whitenings."""
        self.codec, self.songs, self.batch, self.frames, self.bfloat16 = codec, songs, batch, frames, bfloat16
        self._trial = draw_batch(held_out, trial_crops, 300, np.random.default_rng(1))
        self._spectral = SpectralLoss()
        self.distance = math.inf
        """Of the last validation."""

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Objective``."""
        rng = np.random.default_rng(torch.randint(2**62, (2,), generator=generator).tolist())
        audio = draw_batch(self.songs, self.batch, self.frames, rng)
        target = audio[..., feature_margin() : -feature_margin()]
        wanted_features = band_features(audio, padded=True)
        features = self._as_in_use(wanted_features, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            sound = self.codec.band_decoder(features, int(rng.integers(0, 20000)))
        wanted, made = _trimmed(target), _trimmed(sound)
        if rng.random() < 0.5:
            wanted, made = _mid_side(wanted), _mid_side(made)
        spectral = self._spectral(made, wanted, (int(rng.choice(self._spectral.sizes)),))
        mel = (band_features(sound) - wanted_features)[:, 3:-3].abs().mean()
        return spectral + mel, {"spectral": float(spectral.detach()), "mel_db": float(mel.detach()) * DECIBELS}

    def validate(self) -> Mapping[str, float]:
        """Distances on held-out crops, and ``distance``, both as one figure."""
        features = band_features(self._trial, padded=True)
        seen = after_whitening(self.codec, features)
        sound = torch.cat([self.codec.band_decoder(part) for part in torch.split(seen, 4)])
        found = distances(sound, self._trial[..., feature_margin() : -feature_margin()], features)
        self.distance = found["spectral"] + found["mel_db"] / DECIBELS
        return {**found, "distance": self.distance}

    @torch.no_grad()
    def _as_in_use(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Features after the PCA, with a little of the noise that a model's latents have."""
        latents = self.codec.encode_features(features)
        level = torch.rand(len(latents), 1, 1, generator=generator) * LATENT_NOISE
        latents = latents + level * torch.randn(latents.shape, generator=generator)
        slot = torch.zeros(len(latents), self.codec.config.voice_dim, latents.shape[2])
        return self.codec.band_features_of(torch.cat([slot, latents], dim=1))


def save_best(codec: TwoStemCodec, path: Path, distance: float) -> None:
    """Write the band decoder unless the file there holds a nearer one."""
    if path.exists():
        with safe_open(path, framework="pt") as file:
            if float((file.metadata() or {}).get("distance", math.inf)) <= distance:
                return
    weights = {f"band_decoder.{name}": value.contiguous() for name, value in codec.band_decoder.state_dict().items()}
    beside = path.with_suffix(".part")
    save_file(weights, beside, metadata={"distance": repr(distance)})
    beside.replace(path)


def _trimmed(sound: Tensor) -> Tensor:
    """Without the ends, where frames outside the crop are missing."""
    return sound[..., 3 * HOP : -3 * HOP]


def _mid_side(sound: Tensor) -> Tensor:
    left, right = sound.unbind(1)
    return torch.stack([(left + right) / 2, (left - right) / 2], dim=1)
