"""A model's weights as a folder of our own format, in a number format of choice (``checkpoints.native``)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.load import LoadedModel
from songbloom_x2.errors import ConfigError
from songbloom_x2.export.writer import refuse_existing
from songbloom_x2.song_model import SongModel


def round_weights(model: SongModel, storage: native.Storage) -> None:
    """Give a float32 model the values that its weights have once they were written in ``storage``."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(native.stored(name, tensor, storage))


def write_state_dict(loaded: LoadedModel, out: Path, storage: native.Storage) -> None:
    """Write ``model.safetensors`` and ``config.json``, styles included, to the new folder ``out``.

    The codec stays float32. Raises ``ConfigError`` where ``out`` is there already, or cannot be written.
    """
    refuse_existing(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            folder = Path(temporary) / "model"
            native.save(
                folder,
                loaded.model,
                dtype=storage,
                source=loaded.source,
                extra=loaded.extra,
                style_tags=loaded.style_tags,
            )
            folder.rename(out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}; choose another place") from error
