"""Which kernel scaled dot-product attention may use. Tried out on the device before it is promised."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from songbloom_x2.config import AttentionKernel
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.choice import Choice

_BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}
MASKED = "flash, efficient where masked"
"""Flash attention on CUDA takes no mask, which the sketch LM's cache needs: those calls go to another kernel."""

_HEAD_DIM = 64


def resolve_attention(asked: AttentionKernel, device: str, dtype: torch.dtype) -> Choice:
    """The kernels that will be used; ``RuntimePlanError`` where the asked one does not run on this device and type."""
    if asked == "auto":
        return Choice("attention", asked, asked, "torch picks the fastest kernel for each call")
    if asked not in _BACKENDS:
        raise RuntimePlanError(f"attention '{asked}' is unknown; known are auto, {', '.join(_BACKENDS)}")
    backend = _BACKENDS[asked]
    if not _runs([backend], device, dtype, masked=False):
        name = str(dtype).removeprefix("torch.")
        raise RuntimePlanError(f"attention '{asked}': no such kernel for {name} on '{device}'; ask for auto or math")
    if _runs([backend], device, dtype, masked=True):
        return Choice("attention", asked, asked, "as asked, tried on this device")
    if asked == "flash" and _runs([backend, SDPBackend.EFFICIENT_ATTENTION], device, dtype, masked=True):
        return Choice("attention", asked, MASKED, "as asked; this kernel takes no mask, which cached steps need")
    raise RuntimePlanError(f"attention '{asked}': runs on '{device}' without masks only; ask for auto or math")


def attention_scope(value: str) -> AbstractContextManager[None]:
    """A scope in which only the resolved kernels run (``value`` of the choice)."""
    if value == "auto":
        return nullcontext()
    backends = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION] if value == MASKED else [_BACKENDS[value]]
    scope: AbstractContextManager[None] = sdpa_kernel(backends)
    return scope


def _runs(backends: list[SDPBackend], device: str, dtype: torch.dtype, *, masked: bool) -> bool:
    query = torch.zeros(1, 2, 8, _HEAD_DIM, device=device, dtype=dtype)
    mask = torch.ones(1, 1, 8, 8, device=device, dtype=torch.bool) if masked else None
    try:
        with sdpa_kernel(backends), torch.no_grad():
            F.scaled_dot_product_attention(query, query, query, mask)
    except RuntimeError:
        return False
    return True
