"""Memory by the system's own account, for this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Memory of this process that lies in RAM; 0 where the system does not say (it is not Linux)."""
    return status_bytes("VmRSS")


def device_bytes(device: torch.device) -> int:
    """Memory of a GPU that this process holds already; 0 for any other device."""
    if device.type != "cuda":
        return 0
    import torch

    return torch.cuda.memory_reserved(device)


def status_bytes(field: str) -> int:
    """A size of the system's account of this process; 0 where there is none."""
    if not _STATUS.is_file():
        return 0
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
