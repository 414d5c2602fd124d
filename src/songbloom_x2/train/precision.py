"""Whether bfloat16 pays while training: processors without such arithmetic take fifty times as long over it."""

from __future__ import annotations

import torch


def bfloat16_pays(device: str = "cpu") -> bool:
    """True on accelerators, and on processors that multiply bfloat16 themselves (AVX-512 BF16, AMX)."""
    return device != "cpu" or bool(torch.cpu._is_avx512_bf16_supported())
