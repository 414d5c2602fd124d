"""Which kernel scaled dot-product attention may use. Tried out on the device before it is promised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

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
_PACKAGES = ("FA4", "FA3")
MASKED = "flash, efficient where masked"
"""Flash attention on CUDA takes no mask, which the sketch LM's cache needs: those calls go to another kernel."""

_HEAD_DIM = 64


def resolve_attention(asked: AttentionKernel, device: str, dtype: torch.dtype) -> Choice:
    """The kernels that will be used; ``RuntimePlanError`` where the asked one does not run on this device and type."""
    if asked == "auto":
        return Choice("attention", asked, asked, "torch picks the fastest kernel for each call")
    if asked == "flash_attn":
        return _resolve_package(device)
    if asked not in _BACKENDS:
        raise RuntimePlanError(f"attention '{asked}' is unknown; known are auto, flash_attn, {', '.join(_BACKENDS)}")
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
    if value in _PACKAGES:
        return _package_scope(value)
    backends = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION] if value == MASKED else [_BACKENDS[value]]
    scope: AbstractContextManager[None] = sdpa_kernel(backends)
    return scope


def _resolve_package(device: str) -> Choice:
    """``FA4`` or ``FA3``: what torch calls the kernels of the package flash-attn."""
    if device != "cuda":
        raise RuntimePlanError(f"attention 'flash_attn': its kernels are for NVIDIA GPUs, not for '{device}'")
    for name in _PACKAGES:
        with suppress(ImportError, AttributeError, ValueError, RuntimeError), _package_scope(name):
            return Choice("attention", "flash_attn", name, "as asked; masked steps go to the efficient kernel")
    raise RuntimePlanError("attention 'flash_attn': needs the package flash-attn, 3 or 4, and torch from 2.11 on")


@contextmanager
def _package_scope(name: str) -> Iterator[None]:
    """Flash attention comes from the package inside, and from torch again afterwards."""
    torch.nn.attention.activate_flash_attention_impl(name)
    try:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
            yield
    finally:
        torch.nn.attention.restore_flash_attention_impl()


def _runs(backends: list[SDPBackend], device: str, dtype: torch.dtype, *, masked: bool) -> bool:
    query = torch.zeros(1, 2, 8, _HEAD_DIM, device=device, dtype=dtype)
    mask = torch.ones(1, 1, 8, 8, device=device, dtype=torch.bool) if masked else None
    try:
        with sdpa_kernel(backends), torch.no_grad():
            F.scaled_dot_product_attention(query, query, query, mask)
    except RuntimeError:
        return False
    return True
