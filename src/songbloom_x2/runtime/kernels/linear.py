"""A linear layer over the own kernel."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.profiler import record_function

from songbloom_x2.runtime.kernels.binding import Library, LinearArgs, pointer
from songbloom_x2.runtime.kernels.layout import panels, plain_panels, whole_numbers

Kind = Literal["float32", "int8"]
"""How weights are stored: as they are, or in whole numbers of 7 bits (8 where the CPU has VNNI), rows rounded too."""


class KernelLinear(nn.Module):
    """Float32 in and out, CPU only."""

    def __init__(self, weight: Tensor, bias: Tensor | None, library: Library, kind: Kind = "int8") -> None:
        """``weight`` ``[out, in]`` of any float type; ``in`` must be a multiple of 8."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.kind = kind
        self._library = library
        self._panels = panels(weight, library.shape) if kind == "int8" else plain_panels(weight, library.shape)
        # The kernel reads whole panels.
        over = -self.out_features % library.shape.columns
        self._bias = None if bias is None else F.pad(bias.detach().float(), (0, over))
        self.stored_bytes = self._panels.nbytes + (0 if self._bias is None else self._bias.nbytes)

    @property
    def args(self) -> LinearArgs:
        """What the kernel wants to know; it points into this layer's memory."""
        return LinearArgs(
            self.out_features,
            self.in_features,
            self._panels.depth,
            pointer(self._panels.numbers),
            pointer(self._panels.scales),
            pointer(self._panels.sums),
            pointer(self._bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        with record_function(f"songbloom::linear_{self.kind}"):
            return self._library.linear(self.args, x.float()).to(x.dtype)


def agrees(library: Library) -> bool:
    """Whether products of the compiled kernels are those of the same numbers in torch: asked of every CPU anew."""
    generator = torch.Generator().manual_seed(0)
    weight, rows = (torch.randn(count, 128, generator=generator) for count in (40, 9))
    numbers, scales = whole_numbers(weight, library.shape)
    largest = rows.abs().amax(dim=1, keepdim=True)
    whole = (rows * (library.shape.levels / largest)).round()
    expected = whole @ numbers.float().T * (largest / library.shape.levels) * scales
    rounded, plain = (KernelLinear(weight, None, library, kind)(rows) for kind in ("int8", "float32"))
    return torch.allclose(rounded, expected, atol=1e-4) and torch.allclose(plain, rows @ weight.T, atol=1e-4)
