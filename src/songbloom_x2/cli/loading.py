"""The pipeline that the settings ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.settings.folders import models_folder, styles_folder

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.settings.resolve import Settings
    from songbloom_x2.types import LoraChoice


def load_pipeline(settings: Settings, *, explain: bool, loras: Sequence[LoraChoice] = ()) -> SongPipeline:
    """Load the model and add ``loras``; with ``explain``, what was chosen for this machine is printed on stderr."""
    from songbloom_x2.pipeline import SongPipeline

    pipeline = SongPipeline.from_pretrained(
        settings["models.default"],
        settings.section(RuntimeConfig),
        models_dir=models_folder(settings["models.folder"], os.environ),
        loras=loras,
        styles_dir=styles_folder(os.environ),
    )
    if explain:
        print(pipeline.plan.explain(), file=sys.stderr)
        for note in pipeline.description["notes"]:
            print(note, file=sys.stderr)
    return pipeline
