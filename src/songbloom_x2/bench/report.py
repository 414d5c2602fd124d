"""Results for people (a table), for programs (one JSON object) and for the record (one line of a log)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from songbloom_x2 import __version__
from songbloom_x2.manifest import versions


def machine() -> dict[str, Any]:
    """What computes: processor, cores, its instruction set as torch uses it, memory, GPU."""
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "vnni": torch.cpu._is_vnni_supported(),
        "bfloat16": torch.cpu._is_avx512_bf16_supported(),
        "system": platform.platform(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory_bytes"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    if hasattr(os, "getloadavg"):
        found["load_average"] = round(os.getloadavg()[0], 2)
    return found


def revision() -> str:
    """The commit of the source tree that runs; outside one, the version."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return __version__
    done = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or __version__


def as_json(results: Sequence[Mapping[str, Any]], more: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer."""
    return {"machine": machine(), "revision": revision(), "results": list(results), **more}


def append_log(file: Path, answer: Mapping[str, Any]) -> None:
    """One line more, with the time and the versions that computed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "versions": versions(), **answer}
    with file.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


_COLUMNS = (
    ("configuration", "name", "{}"),
    ("RTF", "rtf", "{:.3f}"),
    ("±", "rtf_spread", "{:.3f}"),
    ("first s", "first_audio_s", "{:.2f}"),
    ("block s", "block_s", "{:.3f}"),
    ("tokens/s", "tokens_per_second", "{:.1f}"),
    ("peak MB", "peak_memory_bytes", "{:.0f}"),
    ("weights MB", "weights_bytes", "{:.0f}"),
    ("state MB", "state_bytes", "{:.0f}"),
    ("x peer", "speedup_vs_peer", "{:.2f}"),
    ("x peer bf16", "speedup_vs_peer_bf16", "{:.2f}"),
)


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """For the terminal; what was not measured is left empty."""
    shown = [column for column in _COLUMNS if any(result.get(column[1]) is not None for result in results)]
    rows = [[title for title, _, _ in shown]]
    rows += [[_cell(result.get(key), form, key) for _, key, form in shown] for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(shown))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _cell(value: Any, form: str, key: str) -> str:
    if value is None:
        return "-"
    return form.format(value / 1e6 if key.endswith("_bytes") else value)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
