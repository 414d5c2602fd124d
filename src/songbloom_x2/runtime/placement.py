"""Moving a model to its device and precision."""

from __future__ import annotations

import torch
from torch import nn

from songbloom_x2.song_model import SongModel


def place(model: SongModel, device: torch.device, dtype: torch.dtype) -> SongModel:
    """Move ``model`` in place: parameters outside the codec to ``dtype``, the codec to float32, all to ``device``.

    One tensor at a time, so that beside the old weights never more than one new tensor waits; a tensor that is already
    right is not copied. Buffers outside the codec keep their type: they hold tables and counts, not weights.
    """
    codec = set() if model.codec is None else set(model.codec.modules())
    for module in model.modules():
        if module in codec:
            _move(module, device, torch.float32, torch.float32)
        else:
            _move(module, device, dtype, None)
    return model


def _move(module: nn.Module, device: torch.device, dtype: torch.dtype, buffer_dtype: torch.dtype | None) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.to(device, dtype if parameter.is_floating_point() else None)
    for name, buffer in module.named_buffers(recurse=False):
        wanted = buffer_dtype if buffer.is_floating_point() else None
        module.register_buffer(
            name, buffer.to(device, wanted), persistent=name not in module._non_persistent_buffers_set
        )
