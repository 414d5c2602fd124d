"""A folder in the released layout -> the model. Strict: every key has its place, on both sides (format page)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from songbloom_x2.checkpoints.assemble import assemble
from songbloom_x2.checkpoints.keymap import CODEC_COPY, OUR_CODEC, to_ours, to_released, zero_buffers
from songbloom_x2.checkpoints.released_yaml import ReleasedModel, find_released, read_released
from songbloom_x2.checkpoints.torch_file import read_state
from songbloom_x2.errors import CheckpointError
from songbloom_x2.song_model import SongModel


@dataclass(frozen=True)
class OfficialModel:
    """A loaded released model and what its folder says about it."""

    model: SongModel
    released: ReleasedModel
    files: tuple[Path, ...]
    """Every file that decided something: config, vocabulary, weights."""


def load_official(path: Path, *, rope_base_dit: float | None = None) -> OfficialModel:
    """Load a released folder (or its YAML, or its ``.pt``); the parameters are views of the mapped file.

    ``rope_base_dit`` overrides the rule for the DiT's RoPE base. Raises ``CheckpointError`` in one line.
    """
    released = read_released(find_released(path), rope_base_dit=rope_base_dit)
    source = released.weights.name
    tensors, copies = _translate(read_state(released.weights), released.config.diff_layers, source)
    files = [*released.config_files, released.weights]
    codec = {name[len(OUR_CODEC) :]: tensor for name, tensor in tensors.items() if name.startswith(OUR_CODEC)}
    separate = released.codec_weights
    if separate is not None and (separate.is_file() or not codec):
        theirs = read_state(separate)
        files.append(separate)
        if codec:
            _check_same_keys(codec, theirs, source, separate.name)
            _check_agreement(codec, theirs, f"{source} and {separate.name}")
        else:
            codec = theirs
            tensors |= {OUR_CODEC + key: tensor for key, tensor in theirs.items()}
    for key in sorted(copies.keys() - codec.keys()):
        raise CheckpointError(f"{source}: '{CODEC_COPY}{key}' belongs to no part of this model")
    _check_agreement(copies, codec, f"{source}: the codec and its copy under '{CODEC_COPY[:-1]}'")
    model = assemble(released.config, tensors, source, lambda name: to_released(name) or name)
    return OfficialModel(model, released, tuple(files))


def _translate(
    state: Mapping[str, Tensor], diff_layers: int, source: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors by our names, and the codec's copy by the codec's own keys."""
    zeros = zero_buffers(diff_layers)
    tensors: dict[str, Tensor] = {}
    copies: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if key.startswith(CODEC_COPY):
            copies[key[len(CODEC_COPY) :]] = tensor
        elif key in zeros:
            if tensor.any():
                raise CheckpointError(f"{source}: '{key}' is not zero, as it is in every released model")
        elif (name := to_ours(key)) is not None:
            tensors[name] = tensor
        else:
            raise CheckpointError(f"{source}: '{key[:120]}' belongs to no part of this model")
    for key in sorted(zeros - state.keys()):
        raise CheckpointError(f"{source}: '{key}' is missing; the file is of another model, or damaged")
    return tensors, copies


def _check_same_keys(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], source: str, other: str) -> None:
    for key in sorted(ours.keys() ^ theirs.keys()):
        here, there = (source, other) if key in ours else (other, source)
        raise CheckpointError(f"{here} holds the codec's '{key[:120]}', {there} does not; they are not of one model")


def _check_agreement(some: Mapping[str, Tensor], full: Mapping[str, Tensor], where: str) -> None:
    for key, tensor in some.items():
        other = full[key]
        if tensor.data_ptr() == other.data_ptr() and tensor.stride() == other.stride() and tensor.shape == other.shape:
            continue
        if tensor.shape != other.shape or not torch.equal(tensor.to(other.dtype), other):
            raise CheckpointError(f"{where} disagree at '{key}'; they are not of one model")
