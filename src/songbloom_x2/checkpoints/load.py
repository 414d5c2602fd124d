"""The one way to a model's weights: a name or a path in, a model placed as the runtime plan says out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.adapters import AppliedAdapter, apply_adapters
from songbloom_x2.checkpoints.download_record import check_recorded
from songbloom_x2.checkpoints.fingerprint import file_sha256, joined
from songbloom_x2.checkpoints.locate import is_native
from songbloom_x2.checkpoints.locate import locate as locate
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.checkpoints.released_yaml import is_released
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.stored import StoredKind
from songbloom_x2.song_model import SongModel
from songbloom_x2.types import LoraChoice


class Placement(Protocol):
    """Puts a model where and in which precision it shall run (``runtime.plan.RuntimePlan``)."""

    def place(self, model: SongModel) -> SongModel:
        """The same model, moved."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run, and what a manifest wants to know about it."""

    model: SongModel
    config: SongConfig
    hash: str
    """SHA-256 over the contents of the files that decided the model."""
    source: str
    licence: str
    notes: tuple[str, ...] = ()
    """Choices made while reading the config, each with its reason."""
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors that came along and belong to no part of the model."""
    style_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words that describe the styles among them, by the styles' names."""
    adapters: tuple[AppliedAdapter, ...] = ()
    """What was added to the weights; ``hash`` is still that of the model's own files."""


def stored_quantisation(model: str | Path, models_dir: Path | None = None) -> StoredKind | None:
    """How the large weights of a model's file are stored; none where as floats, which released files always have."""
    path = locate(model, models_dir)
    return native.stored_quantisation(path) if is_native(path) else None


def load_model(
    model: str | Path,
    plan: Placement,
    *,
    models_dir: Path | None = None,
    rope_base_dit: float | None = None,
    loras: Sequence[LoraChoice] = (),
) -> LoadedModel:
    """Load a model by path (released or native, decided by content) or by name, and add ``loras`` to its weights.

    A known name is looked for in the package (``embedded``) or in ``models_dir``. ``rope_base_dit`` overrides the rule
    for a released model's DiT. Raises ``CheckpointError`` in one line.
    """
    path = locate(model, models_dir)
    if is_native(path):
        if rope_base_dit is not None:
            raise CheckpointError(f"{path}: the DiT's RoPE base is part of a native config and cannot be overridden")
        return _native(path, plan, loras)
    if path.is_dir() and not is_released(path):
        raise CheckpointError(f"{path}: holds no model (neither {native.CONFIG_FILE} nor a released NAME.yaml)")
    official = load_official(path, rope_base_dit=rope_base_dit)
    config = official.model.config
    digests = {file: file_sha256(file) for file in official.files}
    check_recorded(digests)
    model_hash = joined(digests.values())
    applied = apply_adapters(official.model, model_hash, loras)
    placed = plan.place(official.model.requires_grad_(False))
    source, notes = f"{config.name} (released)", official.released.notes
    return LoadedModel(placed, config, model_hash, source, config.licence, notes, adapters=applied)


def _native(path: Path, plan: Placement, loras: Sequence[LoraChoice]) -> LoadedModel:
    loaded = native.load(path)
    config = loaded.model.config
    # Before placing: that may change the number format, which the sums should not suffer from.
    applied = apply_adapters(loaded.model, loaded.hash, loras)
    placed = plan.place(loaded.model.requires_grad_(False))
    return LoadedModel(
        placed, config, loaded.hash, loaded.source, loaded.licence, (), loaded.extra, loaded.style_tags, applied
    )
