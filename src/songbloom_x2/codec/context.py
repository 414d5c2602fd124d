"""How far a convolutional network looks: the exact receptive field, computed from its layers.

Each layer is a function from the interval of its outputs that is wanted to the interval of its inputs it needs;
indices are inclusive and may be negative (before the start).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Interval = tuple[int, int]
Layer = Callable[[Interval], Interval]


def spread(kernel: int, dilation: int = 1) -> Layer:
    """A centred convolution of stride 1."""
    reach = (kernel - 1) * dilation // 2
    return lambda wanted: (wanted[0] - reach, wanted[1] + reach)


def downward(stride: int) -> Layer:
    """A convolution of kernel ``2 * stride`` and padding ``stride / 2`` (``stride`` even)."""
    padding = stride // 2
    return lambda wanted: (wanted[0] * stride - padding, wanted[1] * stride - padding + 2 * stride - 1)


def upward(stride: int) -> Layer:
    """A transposed convolution of kernel ``2 * stride`` and padding ``stride / 2`` (``stride`` even).

    Output ``o`` is made of the inputs ``i`` with ``0 <= o + padding - i * stride < 2 * stride``.
    """
    padding = stride // 2
    return lambda wanted: (
        -((2 * stride - 1 - wanted[0] - padding) // stride),
        (wanted[1] + padding) // stride,
    )


@dataclass(frozen=True)
class Context:
    """How many frames before and after a frame take part in its result."""

    left: int
    right: int

    @staticmethod
    def of(layers: Sequence[Layer], *, inputs: int, outputs: int) -> Context:
        """The context of a network that turns ``inputs`` values a frame into ``outputs`` values a frame."""
        needed: Interval = (0, outputs - 1)
        for layer in reversed(layers):
            needed = layer(needed)
        first, last = needed
        return Context(left=-(first // inputs), right=last // inputs)
