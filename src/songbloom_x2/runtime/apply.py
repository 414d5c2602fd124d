"""Setting torch's switches as a plan says, for as long as a scope lasts, and back again afterwards.

The switches are the process's own, so one plan at a time: a scope inside another changes them for its duration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from songbloom_x2.errors import OutOfMemoryError
from songbloom_x2.runtime.attention import attention_scope
from songbloom_x2.runtime.plan import RuntimePlan


@contextmanager
def apply(plan: RuntimePlan) -> Iterator[None]:
    """Everything that the plan says, for LM and DiT. Raises ``OutOfMemoryError`` where what is inside finds no room."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    if plan.threads != threads:
        torch.set_num_threads(plan.threads)
    torch.backends.cudnn.benchmark = plan.cudnn_benchmark
    try:
        with _tf32(plan.tf32), attention_scope(plan.attention):
            yield
    except (MemoryError, RuntimeError) as error:
        if not _is_shortage(error):
            raise
        kind = "the GPU's memory" if plan.device == "cuda" else "memory"
        raise OutOfMemoryError(
            f"{kind} is used up: ask for --memory SIZE, --quantise int8, --batch-size 1 or shorter songs"
        ) from error
    finally:
        torch.backends.cudnn.benchmark = benchmark
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _is_shortage(error: Exception) -> bool:
    # torch has a class of its own for GPUs only; its allocator on the host raises a plain RuntimeError.
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def codec_scope(plan: RuntimePlan) -> Iterator[None]:
    """Inside :func:`apply`, around the codec: its own word on TF32."""
    with _tf32(plan.codec_tf32):
        yield


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    # torch's older names for these switches: the newer ones do not exist before 2.9, and the two must not be mixed.
    matmul, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = matmul
        torch.backends.cudnn.allow_tf32 = convolutions
