"""A released model in our own format: one mapped file instead of three, in the storage type of choice."""

from __future__ import annotations

from pathlib import Path

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.fingerprint import fingerprint
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.checkpoints.quantised import quantise, stored_kind
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.stored import StoredKind


def convert(
    source: Path, folder: Path, *, dtype: native.Storage = "float32", quantised: StoredKind | None = None
) -> None:
    """Write the model at ``source`` into ``folder``; the codec stays float32.

    Half precision audibly hurts the codec, so ``dtype`` is that of the rest; with ``quantised`` the large products of
    LM and DiT are stored in that many bits. Raises ``CheckpointError`` where files are not sound, ``folder`` already
    holds a model of the native format, or ``source`` is of that format and nothing would change. What is not
    rounded of such a source stays in the type that it has.
    """
    if native.is_native(folder):
        raise CheckpointError(f"{folder}: already holds a model; give an empty folder")
    if native.is_native(source):
        if quantised is None:
            raise CheckpointError(f"{source}: is in our own format already; convert takes the released files")
        loaded = native.load(source)
        if stored_kind(loaded.model) is not None:
            raise CheckpointError(f"{source}: its weights are stored in fewer bits already; give the full model")
        quantise(loaded.model.requires_grad_(False), quantised)
        # What is not rounded stays as it was stored.
        native.save(
            folder, loaded.model, dtype=None, codec_dtype=None,
            source=loaded.source, extra=loaded.extra, style_tags=loaded.style_tags,
        )  # fmt: skip
        return
    official = load_official(source)
    if quantised is not None:
        quantise(official.model.requires_grad_(False), quantised)
    said = f"{official.model.config.name}, released files with SHA-256 {fingerprint(official.files)}"
    native.save(folder, official.model, dtype=dtype, source=said)
