"""Memory by the system's own account."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from songbloom_x2.runtime.resident import resident_bytes as resident_bytes
from songbloom_x2.runtime.resident import status_bytes

if TYPE_CHECKING:
    import torch

_CLEAR = Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The most memory in RAM since :func:`forget_peak`; on other systems, the most that the process ever had."""
    if most := status_bytes("VmHWM"):
        return most
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
