"""Models whose large weights are stored in 8 or 4 bits: which layers those are, on the way to a file and from it."""

from __future__ import annotations

from torch import nn

from songbloom_x2.nn.stored import StoredInt4, StoredInt8, StoredKind, StoredLinear, stored
from songbloom_x2.song_model import SongModel, large_linears

KINDS: tuple[StoredKind, ...] = ("int8", "int4")


def quantise(model: SongModel, kind: StoredKind) -> SongModel:
    """Round the large products of LM and DiT in place, layer by layer, so that memory never doubles.

    The same on the ``meta`` device, where it makes room for what a file holds.
    """
    for parent, name, linear in large_linears(model):
        setattr(parent, name, stored(linear, kind))
    return model


def stored_kind(model: nn.Module) -> StoredKind | None:
    """How the large weights of a model are stored; none where they are floats."""
    found = {type(module) for module in model.modules() if isinstance(module, StoredLinear)}
    return "int4" if StoredInt4 in found else "int8" if StoredInt8 in found else None
