"""Which device: what was asked for, or the best there is. Never another one in silence."""

from __future__ import annotations

import torch

from songbloom_x2.config import Device
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.choice import Choice

_ABSENT = {
    "cuda": "this torch sees no CUDA device; install a CUDA build of torch and its driver, or ask for 'cpu'",
    "mps": "this torch sees no Apple GPU; ask for 'cpu'",
}


def resolve_device(asked: Device) -> Choice:
    """The device's torch name; ``RuntimePlanError`` where it was asked for and is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        best = next(name for name in ("cuda", "mps", "cpu") if there[name])
        return Choice("device", asked, best, _describe(best))
    if asked not in there:
        raise RuntimePlanError(f"device '{asked}' is unknown; known are auto, {', '.join(there)}")
    if not there[asked]:
        raise RuntimePlanError(f"device '{asked}': {_ABSENT[asked]}")
    return Choice("device", asked, asked, "as asked")


def _describe(device: str) -> str:
    if device == "cuda":
        return f"there is one: {torch.cuda.get_device_name()}"
    return "there is an Apple GPU" if device == "mps" else "no GPU that torch can use"
