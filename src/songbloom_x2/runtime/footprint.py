"""How many bytes things take."""

from __future__ import annotations

from torch import nn

from songbloom_x2.runtime.kernels.linear import KernelLinear
from songbloom_x2.runtime.linears import PACKED


def module_bytes(module: nn.Module) -> int:
    """Bytes of a module's weights, tables and packed layers, each once."""
    seen: set[int] = set()
    total = 0
    for part in module.modules():
        if isinstance(part, (*PACKED, KernelLinear)):
            total += part.stored_bytes
        for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                total += tensor.nbytes
    return total
