"""Models that several rooms' tests run, made once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.runtime.plan import resolve

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden ``prepend-flow`` model as a native folder, but it never ends a song by itself, for up to 80 s.

    Songs are as long as they are asked to be, whatever the seed, and one of 80 s is long enough to be interrupted.
    """
    loaded = load_model(GOLDEN / "prepend-flow", resolve(RuntimeConfig(device="cpu")))
    model = loaded.model
    with torch.no_grad():
        model.sketch.classifier[2].bias[model.sketch.end_token] = -1e4
    model.config = dataclasses.replace(model.config, max_frames=2000)
    folder = tmp_path_factory.mktemp("endless")
    native.save(folder, model)
    return folder
