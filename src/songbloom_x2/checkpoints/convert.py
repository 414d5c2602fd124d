"""A released model in our own format: one mapped file instead of three, in the storage type of choice."""

from __future__ import annotations

from pathlib import Path

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.fingerprint import fingerprint
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.errors import CheckpointError


def convert(released: Path, folder: Path, *, dtype: native.Storage = "float32") -> None:
    """Write the released model at ``released`` into ``folder``; the codec stays float32.

    Half precision audibly hurts the codec, so ``dtype`` is that of the rest. Raises ``CheckpointError`` where the
    released files are not sound, or ``folder`` already holds a model of the native format.
    """
    if native.is_native(folder):
        raise CheckpointError(f"{folder}: already holds a model; give an empty folder")
    official = load_official(released)
    source = f"{official.model.config.name}, released files with SHA-256 {fingerprint(official.files)}"
    native.save(folder, official.model, dtype=dtype, source=source)
