"""Moving a model to its device and precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from songbloom_x2.song_model import SongModel


def place(model: SongModel, device: torch.device, dtype: torch.dtype, *, layers_wait: bool = False) -> SongModel:
    """Move ``model`` in place: parameters outside the codec to ``dtype``, the codec to float32, all to ``device``.

    One tensor at a time, so that beside the old weights never more than one new tensor waits; a tensor that is already
    right is not copied. With ``layers_wait`` the layers of LM and DiT go to the host instead. Buffers outside the codec
    keep their type: they hold tables and counts, not weights.
    """
    codec = set() if model.codec is None else set(model.codec.modules())
    layers = (*model.sketch.layers, *model.dit.layers) if layers_wait else ()
    waiting = {part for layer in layers for part in layer.modules()}
    for module in model.modules():
        inside = module in codec
        move = partial(
            _moved,
            device=torch.device("cpu") if module in waiting else device,
            parameters=torch.float32 if inside else dtype,
            buffers=torch.float32 if inside else None,
        )
        # What ``Module.to`` is built on; ``to`` itself cannot tell parameters from buffers.
        move_all: Callable[..., nn.Module] = module._apply
        move_all(move, recurse=False)
    return model


def _moved(tensor: Tensor, device: torch.device, parameters: torch.dtype, buffers: torch.dtype | None) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.to(device)
    return tensor.to(device, parameters if isinstance(tensor, nn.Parameter) else buffers)
