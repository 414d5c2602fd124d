"""The border of a model's folder: names in a downloaded config never lead outside it."""

from __future__ import annotations

import os
from pathlib import Path

from songbloom_x2.errors import CheckpointError


def inside(folder: Path, name: str, asked_by: str) -> Path:
    """Path of ``name`` within ``folder``; ``CheckpointError`` when it leads outside.

    ``name`` is relative to the folder, or absolute and below it. Links are followed only where they stay inside, or
    lead to the ``blobs`` of a hub cache, whose snapshot folders hold nothing but such links.
    """
    refusal = f"{asked_by}: '{name[:120]}' leads outside the model's folder; only files inside it are read"
    if "\0" in name:
        raise CheckpointError(f"{asked_by}: a file name holds a NUL character")
    root = Path(os.path.normpath(folder.absolute()))
    path = Path(os.path.normpath(root / name))
    if path == root or root not in path.parents:
        raise CheckpointError(refusal)
    real_root = root.resolve()
    real = path.resolve()
    blobs = real_root.parent.parent / "blobs"
    hub_cache = real_root.parent.name == "snapshots" and real.parent == blobs
    if real_root not in real.parents and not hub_cache:
        raise CheckpointError(refusal)
    return path
