"""The band decoder against Griffin-Lim, on the same held-out stretches and the same features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from songbloom_x2.codec.mel import HOP, band_features, feature_margin
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.train.codec.crops import PcmArray, draw_batch
from songbloom_x2.train.codec.griffin_lim import griffin_lim
from songbloom_x2.train.codec.losses import DECIBELS, SpectralLoss

_EDGE = 3
"""Frames at both ends of a stretch that lack neighbours and do not count."""


def after_whitening(codec: TwoStemCodec, features: Tensor) -> Tensor:
    """Features ``[B, t, mels]`` as the band decoder sees them in use: through the latents and back."""
    latents = codec.encode_features(features)
    slot = latents.new_zeros(len(latents), codec.config.voice_dim, latents.shape[2])
    return codec.band_features_of(torch.cat([slot, latents], dim=1))


def distances(sound: Tensor, target: Tensor, features: Tensor) -> dict[str, float]:
    """``mel_db`` (mean absolute difference of the bands, dB) and ``spectral`` of a sound against the true one."""
    edge = _EDGE * HOP
    difference = (band_features(sound) - features)[:, _EDGE:-_EDGE].abs().mean() * DECIBELS
    spectral = SpectralLoss()(sound[..., edge:-edge], target[..., edge:-edge])
    return {"mel_db": round(float(difference), 4), "spectral": round(float(spectral), 4)}


@torch.inference_mode()
def compare(
    codec: TwoStemCodec, weights: Path, held_out: Sequence[PcmArray], crops: int = 24
) -> dict[str, dict[str, float]]:
    """Distances of the trained decoder (with and without its last step), of Griffin-Lim, and of the whitened features.

    The last, ``bound``, is what the whitening itself loses.
    """
    codec.load_state_dict(load_file(weights), strict=False)
    codec.eval()
    audio = draw_batch(held_out, crops, 300, np.random.default_rng(2))
    features = band_features(audio, padded=True)
    target = audio[..., feature_margin() : -feature_margin()]
    seen = after_whitening(codec, features)
    parts = torch.split(seen, 4)
    made = torch.cat([codec.band_decoder.render(part) for part in parts])
    plain = torch.cat([codec.band_decoder(part) for part in parts])
    rival = griffin_lim(seen, torch.Generator().manual_seed(0))
    bound = {"mel_db": round(float((seen - features).abs().mean() * DECIBELS), 4)}
    return {
        "decoder": distances(made, target, features),
        "without_matching": distances(plain, target, features),
        "griffin_lim": distances(rival, target, features),
        "bound": bound,
    }
