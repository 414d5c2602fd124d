"""The discrete Fourier transform of real signals as matrix products, without complex numbers.

ONNX has no complex tensors. A length ``n = a b`` is split once (Cooley and Tukey, 1965): transforms of length ``a``,
a turn, transforms of length ``b``; for 2048 that is a twentieth of the plain product's work. Only the half spectrum is
ever made or read, as ``torch.fft.rfft`` and ``irfft`` have it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from songbloom_x2.export.framing import split


class RealFft(nn.Module):
    """Transforms of one even length ``n``, there and back."""

    columns: Tensor
    rows: Tensor
    turn: Tensor
    weight: Tensor

    def __init__(self, n: int) -> None:
        """Raises ``ValueError`` where ``n`` is odd or has no even factor between 2 and itself."""
        super().__init__()
        if n % 4:
            raise ValueError(f"length {n}: must be a multiple of 4")
        self.n = n
        self.b = max(b for b in range(2, n, 2) if n % b == 0 and b * b <= 2 * n)
        self.a = n // self.b
        self.bins = n // 2 + 1
        kept = self.b // 2 + 1
        # Index k = k1 + a k2 of the spectrum, index b n1 + n2 of the signal; k2 beyond b / 2 lies past the half.
        self.register_buffer("columns", torch.stack(_circle(self.a, self.a, self.a)), persistent=False)
        cosine, sine = _circle(self.b, kept, self.b)
        self.register_buffer("rows", torch.stack([cosine, sine]).float(), persistent=False)
        self.register_buffer("turn", torch.stack(_circle(self.a, self.b, n)), persistent=False)
        # Half the spectrum stands for all of it: every bin but the first and the last counts twice.
        weight = torch.full((kept * self.a,), 2.0)
        weight[0] = weight[n // 2] = 1.0
        weight[n // 2 + 1 :] = 0.0
        self.register_buffer("weight", (weight / n).view(kept, self.a).T.contiguous(), persistent=False)

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """``[..., n]`` -> real and imaginary part of the half spectrum, each ``[..., n / 2 + 1]``."""
        table = split(signal, -1, (self.a, self.b))
        real, imaginary = self.columns[0] @ table, -(self.columns[1] @ table)
        cosine, sine = self.turn[0], self.turn[1]
        real, imaginary = real * cosine + imaginary * sine, imaginary * cosine - real * sine
        cosine, sine = self.rows[0], self.rows[1]
        whole = real @ cosine + imaginary @ sine, imaginary @ cosine - real @ sine
        real, imaginary = (part.transpose(-1, -2).flatten(-2)[..., : self.bins] for part in whole)
        return real, imaginary

    def inverse(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """The inverse of ``forward``: ``[..., n]``. Imaginary parts of the first and the last bin do not count."""
        padding = (0, self.rows.shape[-1] * self.a - self.bins)
        tables = [split(nn.functional.pad(part, padding), -1, (-1, self.a)) for part in (real, imaginary)]
        real, imaginary = (table.transpose(-1, -2) * self.weight for table in tables)
        cosine, sine = self.rows[0].T, self.rows[1].T
        real, imaginary = real @ cosine - imaginary @ sine, real @ sine + imaginary @ cosine
        cosine, sine = self.turn[0], self.turn[1]
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        out: Tensor = (self.columns[0] @ real - self.columns[1] @ imaginary).flatten(-2)
        return out


def _circle(rows: int, columns: int, period: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of ``2 pi row column / period``: ``[rows, columns]`` each, exact to float32."""
    product = torch.arange(rows)[:, None] * torch.arange(columns)[None] % period
    angle = 2 * math.pi * product.double() / period
    return angle.cos().float(), angle.sin().float()
