"""Tensors by our names -> a :class:`SongModel` that uses them in place.

The model is built without memory (on torch's ``meta`` device) and the tensors become its parameters, so weights are
never in memory twice; where they are views of a mapped file they are not copied at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError, ConfigError
from songbloom_x2.song_model import SongModel

FLOATS = (torch.float32, torch.bfloat16, torch.float16)


def assemble(
    config: SongConfig,
    tensors: Mapping[str, Tensor],
    source: str,
    file_key: Callable[[str], str] = str,
    codec: Literal["build"] | None = "build",
    prepare: Callable[[SongModel], SongModel] | None = None,
) -> SongModel:
    """The model, in evaluation mode, its weights in the types of ``tensors``; with no ``codec`` where none is stored.

    ``source`` is the weights' file and ``file_key`` gives its key for one of our names, both for messages.
    ``prepare`` changes the model while it has no memory yet, into one that stores its weights otherwise. Raises
    ``CheckpointError`` naming the first key that is missing, unknown, of another shape or type, or not finite.
    """
    try:
        with torch.device("meta"):
            model = SongModel(config, codec)
            if prepare is not None:
                prepare(model)
    except ConfigError as error:
        raise CheckpointError(f"{source}: {error}") from None
    expected = model.state_dict()
    for name in sorted(expected.keys() - tensors.keys()):
        raise CheckpointError(f"{source}: '{file_key(name)}' is missing; the file is of another model, or damaged")
    for name in sorted(tensors.keys() - expected.keys()):
        raise CheckpointError(f"{source}: '{file_key(name)}' belongs to no part of this model")
    for name, tensor in tensors.items():
        _check(tensor, expected[name], f"{source}: '{file_key(name)}'")
    model.load_state_dict(dict(tensors), strict=True, assign=True)
    _check_complete(model)
    return model.eval()


def check_finite(tensor: Tensor, label: str) -> None:
    """``CheckpointError`` where a weight is infinite or not a number."""
    # One pass without a temporary; only a suspicious sum (overflow is innocent) is looked at closely.
    if not torch.isfinite(tensor.sum(dtype=torch.float32)) and not torch.isfinite(tensor).all():
        raise CheckpointError(f"{label} holds values that are not finite")


def _check(tensor: Tensor, expected: Tensor, label: str) -> None:
    if tensor.shape != expected.shape:
        found, wanted = list(tensor.shape), list(expected.shape)
        raise CheckpointError(f"{label} has shape {found}, but the config asks for {wanted}")
    if expected.is_floating_point():
        if tensor.dtype not in FLOATS:
            raise CheckpointError(f"{label} is {tensor.dtype}; float32, bfloat16 or float16 is read")
        check_finite(tensor, label)
    elif tensor.dtype != expected.dtype:
        raise CheckpointError(f"{label} is {tensor.dtype}, but {expected.dtype} is expected")


def _check_complete(model: SongModel) -> None:
    """Buffers that are not in the state dict must bring their own values (made with ``device="cpu"``)."""
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise RuntimeError(f"{name} was built without a value and is not in the state dict")
