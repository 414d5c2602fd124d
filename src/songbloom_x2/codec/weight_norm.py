"""Weight-normalised convolutions that keep the released names ``weight_g`` and ``weight_v``.

torch has two of its own: one is deprecated and works by hooks, the other renames the tensors. Source of the
method: Salimans and Kingma, "Weight Normalization", arXiv 1602.07868.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _split(layer: nn.Conv1d | nn.ConvTranspose1d) -> None:
    """Turn the freshly initialised ``weight`` into direction and length a row of dimension 0."""
    weight = layer.weight.detach()
    del layer.weight
    layer.weight_g = nn.Parameter(_length(weight))
    layer.weight_v = nn.Parameter(weight)


def _length(weight: Tensor) -> Tensor:
    return weight.square().sum(dim=(1, 2), keepdim=True).sqrt()


class NormalisedConv1d(nn.Conv1d):
    """``Conv1d`` whose weight is ``weight_g · weight_v / |weight_v|``."""

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, dilation=dilation, bias=bias)
        _split(self)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, inputs, N]`` to ``[B, outputs, N']``."""
        out: Tensor = self._conv_forward(input, _effective(self), self.bias)
        return out


class NormalisedConvTranspose1d(nn.ConvTranspose1d):
    """``ConvTranspose1d`` whose weight is ``weight_g · weight_v / |weight_v|`` (a length an *input* channel)."""

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int, padding: int) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding)
        self._cut = padding
        _split(self)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """``[B, inputs, N]`` to ``[B, outputs, N']``; ``output_size`` is torch's and is not used."""
        return functional.conv_transpose1d(input, _effective(self), self.bias, self.stride, self._cut)


def _effective(layer: NormalisedConv1d | NormalisedConvTranspose1d) -> Tensor:
    if "weight" in layer._parameters:
        return layer.weight
    return layer.weight_v * (layer.weight_g / _length(layer.weight_v))


@torch.no_grad()
def fold(module: nn.Module) -> None:
    """Give every normalised convolution inside ``module`` its plain ``weight`` and drop the pair."""
    for layer in module.modules():
        if isinstance(layer, (NormalisedConv1d, NormalisedConvTranspose1d)) and "weight" not in layer._parameters:
            weight = _effective(layer)
            trainable = layer.weight_v.requires_grad
            del layer.weight_g, layer.weight_v
            layer.weight = nn.Parameter(weight, requires_grad=trainable)
