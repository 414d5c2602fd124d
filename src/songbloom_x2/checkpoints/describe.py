"""What a model on this machine is, as plain JSON values: configuration, size by part and precision, checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.config_json import config_to_json
from songbloom_x2.checkpoints.fingerprint import file_sha256, joined
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.song_model import SongModel

_CODEC = "codec"


def describe(path: Path) -> dict[str, Any]:
    """Read the model at ``path`` (released or native), whole, so that damage is found.

    ``bytes`` are what its weights take in memory when LM and DiT are in that precision; the codec is always float32.
    Raises ``CheckpointError`` where it cannot be read.
    """
    if native.is_native(path):
        loaded = native.load(path)
        folder = path if path.is_dir() else path.parent
        files = [folder / native.CONFIG_FILE, folder / native.WEIGHTS_FILE]
        digests = {file.name: file_sha256(file) for file in files}
        model, layout, sha256, licence, source = loaded.model, "native", loaded.hash, loaded.licence, loaded.source
        notes: tuple[str, ...] = ()
    else:
        official = load_official(path)
        digests = {file.name: file_sha256(file) for file in official.files}
        model, layout, sha256 = official.model, "released", joined(digests.values())
        licence, source, notes = model.config.licence, f"{model.config.name} (released)", official.released.notes
    parts = _parameters(model)
    return {
        "name": model.config.name,
        "path": str(path),
        "layout": layout,
        "licence": licence,
        "source": source,
        "sha256": sha256,
        "files": digests,
        "parameters": {"all": sum(parts.values()), **parts},
        "bytes": _bytes(model, parts),
        "notes": list(notes),
        "config": config_to_json(model.config),
    }


def _parameters(model: SongModel) -> dict[str, int]:
    parts: dict[str, int] = {}
    for name, tensor in model.state_dict().items():
        part = name.partition(".")[0]
        parts[part] = parts.get(part, 0) + tensor.numel()
    return parts


def _bytes(model: SongModel, parts: dict[str, int]) -> dict[str, int]:
    codec = parts.get(_CODEC, 0)
    rest = sum(parts.values()) - codec
    stored = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    half = 4 * codec + 2 * rest
    return {"stored": stored, "float32": 4 * (codec + rest), "bfloat16": half, "float16": half}
