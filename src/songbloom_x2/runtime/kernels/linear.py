"""A linear layer over the own kernel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.profiler import record_function

from songbloom_x2.runtime.kernels.binding import Library, LinearArgs, pointer
from songbloom_x2.runtime.kernels.layout import panels, whole_numbers


class KernelLinear(nn.Module):
    """Weights and rows in whole numbers of 7 bits, or of 8 where the CPU has VNNI. Float32 in and out, CPU only."""

    def __init__(self, weight: Tensor, bias: Tensor | None, library: Library) -> None:
        """``weight`` ``[out, in]`` of any float type; ``in`` must be a multiple of 8."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._library = library
        self._panels = panels(weight, library.shape)
        self._bias = None if bias is None else bias.detach().float().clone()
        self.stored_bytes = self._panels.nbytes + (0 if self._bias is None else self._bias.nbytes)

    @property
    def args(self) -> LinearArgs:
        """What the kernel wants to know; it points into this layer's memory."""
        return LinearArgs(
            self.out_features,
            self.in_features,
            self._panels.numbers.shape[1] * 4,
            pointer(self._panels.numbers),
            pointer(self._panels.scales),
            pointer(self._panels.sums),
            pointer(self._bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        with record_function("songbloom::linear_int8"):
            return self._library.linear(self.args, x.float()).to(x.dtype)


def agrees(library: Library) -> bool:
    """Whether a product of the compiled kernels is that of the same whole numbers in torch: asked of every CPU anew."""
    generator = torch.Generator().manual_seed(0)
    weight, rows = (torch.randn(count, 128, generator=generator) for count in (40, 9))
    numbers, scales = whole_numbers(weight, library.shape)
    largest = rows.abs().amax(dim=1, keepdim=True)
    whole = (rows * (library.shape.levels / largest)).round()
    expected = whole @ numbers.float().T * (largest / library.shape.levels) * scales
    return torch.allclose(KernelLinear(weight, None, library)(rows), expected, atol=1e-4)
