"""Which number types LM and DiT compute in, and whether float32 products may be rounded to TF32."""

from __future__ import annotations

import torch

from songbloom_x2.config import Precision
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.choice import Choice

_TF32_CAPABILITY = 8
"""Compute capability from which NVIDIA GPUs have TF32."""


def resolve_precision(asked: Precision, device: str) -> Choice:
    """The torch type's name for LM and DiT; ``RuntimePlanError`` where the device cannot do it well."""
    if asked not in ("auto", "float32", "bfloat16", "float16"):
        raise RuntimePlanError(f"precision '{asked}' is unknown; known are auto, float32, bfloat16 and float16")
    if asked == "auto":
        if device == "cuda" and has_bfloat16(device):
            return Choice("precision", asked, "bfloat16", "the GPU computes in it, and it keeps float32's range")
        missing = {"cuda": "this GPU has no bfloat16, and float16 overflows", "mps": "exact on every Apple GPU"}
        return Choice("precision", asked, "float32", missing.get(device, "exact to the reference on a CPU"))
    if asked == "bfloat16" and not has_bfloat16(device):
        raise RuntimePlanError(f"precision 'bfloat16': the device '{device}' cannot compute in it; ask for float32")
    if asked == "float16" and device == "cpu":
        raise RuntimePlanError("precision 'float16': a CPU is slow in it and it overflows; ask for float32 or bfloat16")
    return Choice("precision", asked, asked, "as asked")


def has_bfloat16(device: str) -> bool:
    """Whether the device computes in bfloat16 (by itself, not emulated)."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "mps":
        try:
            one = torch.ones(2, 2, dtype=torch.bfloat16, device=device)
            return bool((one @ one)[0, 0] == 2)
        except (RuntimeError, TypeError):
            return False
    return True


def resolve_tf32(asked: bool, device: str, setting: str) -> Choice:
    """``on`` or ``off``: allowing TF32 asks for nothing, so where there is none it is simply off."""
    has = device == "cuda" and torch.cuda.get_device_capability()[0] >= _TF32_CAPABILITY
    if asked and not has:
        return Choice(setting, "on", "off", f"allowed, but the device '{device}' has no TF32")
    value = "on" if asked else "off"
    return Choice(setting, value, value, "as asked")
