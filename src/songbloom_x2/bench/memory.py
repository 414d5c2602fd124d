"""Memory by the system's own account."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_bytes() -> int:
    """Memory of this process that lies in RAM; 0 where the system does not say (it is not Linux)."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """The most that :func:`resident_bytes` was since :func:`forget_peak`; what the process ever had elsewhere."""
    if _STATUS.is_file():
        return _status("VmHWM")
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def forget_peak(device: torch.device | None = None) -> None:
    """From here on the peak counts, on the host (Linux) and on the device."""
    if _CLEAR.is_file():
        _CLEAR.write_text("5", encoding="ascii")
    if device is not None and device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def device_peak_bytes(device: torch.device) -> int | None:
    """The most memory of the device that was held since :func:`forget_peak`; none on a CPU."""
    if device.type != "cuda":
        return None
    import torch

    return torch.cuda.max_memory_reserved(device)


def _status(field: str) -> int:
    if not _STATUS.is_file():
        return 0
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
