"""Models that several rooms' tests run, made once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import hypothesis
import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import (
    AlignmentConfig,
    LyricsConfig,
    PromptConfig,
    RuntimeConfig,
    SamplingConfig,
    SketchLayout,
    SongConfig,
    TwoStemConfig,
)
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.song_model import SongModel
from songbloom_x2.text.vocabulary import SUNG_PHONEMES, sung_vocabulary

GOLDEN = Path(__file__).parent / "golden"

# How long an example takes says something of the machine only.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def chromium_flags() -> tuple[str, ...]:
    """For a browser without a screen, in a container, that asks nobody outside for anything."""
    quiet = ("background-networking", "component-update", "gpu", "quic", "sync")
    return ("--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in quiet))


@pytest.fixture(scope="session")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden ``prepend-flow`` model as a native folder, but it never ends a song by itself, for up to 80 s.

    Songs are as long as they are asked to be, whatever the seed, and one of 80 s is long enough to be interrupted.
    """
    loaded = load_model(GOLDEN / "prepend-flow", resolve(RuntimeConfig(device="cpu", optimisation="minimal")))
    model = loaded.model
    with torch.no_grad():
        model.sketch.classifier[2].bias[model.sketch.end_token] = -1e4
    model.config = dataclasses.replace(model.config, max_frames=2000)
    folder = tmp_path_factory.mktemp("endless")
    native.save(folder, model)
    return folder


ALIGNED_STYLES = {
    "country-kit": (("country", "kit", "female"), 80.0, 0),
    "rock-glen": (("rock", "glen", "male"), 140.0, 19),
    "soul-edie": (("soul", "edie", "female"), 100.0, 3),
}
"""Tags, tempo and key of the styles of ``aligned_model``."""


@pytest.fixture(scope="session")
def aligned_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of the embedded kind, untrained, with three named styles, as a native folder."""
    layout = SketchLayout(phonemes=SUNG_PHONEMES)
    codec = TwoStemConfig(voice_components=4, band_components=4, decoder_dim=16, decoder_layers=1)
    config = SongConfig(
        name="aligned",
        lyrics=LyricsConfig(sung_vocabulary(), max_len=200, folding="sung", pad=False),
        prompt=PromptConfig(max_len=20, window=50),
        codec=codec,
        sampling=SamplingConfig(cfg_lm=1.0, cfg_diff=1.5, steps=2, temperature=1.0, diff_temperature=1.0, top_k=0),
        alignment=AlignmentConfig(layout, prior_dim=16, prior_layers=1),
        latent_dim=codec.latent_dim,
        dim=32,
        num_heads=2,
        hidden_scale=2,
        lm_layers=2,
        diff_layers=2,
        diff_dim=48,
        diff_heads=3,
        num_pitch=layout.size,
        sketch_fusion="add",
        timestep_features_dim=8,
        max_frames=1000,
        instrumental_seconds=2.0,
    )
    torch.manual_seed(0)
    model = SongModel(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    extra = {}
    for name, (_, tempo, key) in ALIGNED_STYLES.items():
        extra[f"style.{name}.latents"] = torch.randn(codec.latent_dim, 50, generator=generator)
        extra[f"style.{name}.tempo"] = torch.tensor(tempo)
        extra[f"style.{name}.key"] = torch.tensor(key)
    folder = tmp_path_factory.mktemp("aligned")
    native.save(folder, model, extra=extra, style_tags={name: tags for name, (tags, _, _) in ALIGNED_STYLES.items()})
    return folder
