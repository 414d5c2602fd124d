"""Flags that stand for settings: declared once, without defaults, so that file and environment show through."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.config import (
    AttentionKernel,
    AudioFormatName,
    CacheFormat,
    Device,
    Kernels,
    ModelsConfig,
    Offload,
    Optimisation,
    OutputConfig,
    Precision,
    Quantisation,
)
from songbloom_x2.config import RuntimeConfig as Runtime

if TYPE_CHECKING:
    from songbloom_x2.settings.resolve import Settings

Group = argparse._ArgumentGroup  # argparse hands it out without a public name

_KEYS = MappingProxyType(
    {
        "out": "output.file",
        "format": "output.format",
        "loudness": "output.loudness",
        "model": "models.default",
        "models_dir": "models.folder",
        "repository": "models.repository",
        "revision": "models.revision",
        "device": "runtime.device",
        "precision": "runtime.precision",
        "attention": "runtime.attention",
        "optimisation": "runtime.optimisation",
        "quantise": "runtime.quantise",
        "kernels": "runtime.kernels",
        "kv_cache": "runtime.kv_cache",
        "compile": "runtime.compile",
        "packing": "runtime.packing",
        "offload": "runtime.offload",
        "memory": "runtime.memory",
        "threads": "runtime.threads",
        "batch_size": "runtime.batch_size",
    }
)
"""Where argparse puts a flag's value -> the setting that it is."""


def add_config_flag(parser: argparse.ArgumentParser | Group) -> None:
    """``--config``."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: ./config.yaml, else the user's; see config show)",
    )


def add_models_dir_flag(parser: argparse.ArgumentParser | Group) -> None:
    """``--models-dir``."""
    parser.add_argument(
        "--models-dir", default=argparse.SUPPRESS, metavar="DIR", help="where models lie (default: see config show)"
    )


def add_format_flags(group: Group) -> None:
    """How a song is written."""
    output = OutputConfig()
    group.add_argument(
        "--format",
        choices=get_args(AudioFormatName),
        default=argparse.SUPPRESS,
        help=f"default: by the ending of the file name, else {output.format}",
    )
    group.add_argument(
        "--loudness",
        type=_loudness,
        default=argparse.SUPPRESS,
        metavar="LUFS|off",
        help=f"level of the file, under a true peak of {output.true_peak_ceiling:g} dB (default {output.loudness:g})",
    )


def add_machine_flags(group: Group) -> None:
    """Which model runs, and how."""
    runtime = Runtime()
    group.add_argument(
        "--model", default=argparse.SUPPRESS, metavar="NAME|DIR", help=f"(default {ModelsConfig.default})"
    )
    add_models_dir_flag(group)
    for flag, kind, default in (
        ("--device", Device, runtime.device),
        ("--precision", Precision, runtime.precision),
        ("--attention", AttentionKernel, runtime.attention),
        ("--optimisation", Optimisation, runtime.optimisation),
    ):
        group.add_argument(flag, choices=get_args(kind), default=argparse.SUPPRESS, help=f"(default {default})")
    group.add_argument(
        "--quantise",
        choices=get_args(Quantisation),
        default=argparse.SUPPRESS,
        help=f"weights of LM and DiT (default {runtime.quantise})",
    )
    for flag, choices, what in (
        ("--kernels", Kernels, f"of float32 and int8 on a CPU (default {runtime.kernels})"),
        ("--offload", Offload, f"weights that come to the GPU for their turn (default {runtime.offload})"),
        ("--kv-cache", CacheFormat, f"what the LM remembers (default {runtime.kv_cache})"),
    ):
        group.add_argument(flag, choices=get_args(choices), default=argparse.SUPPRESS, help=what)
    for flag, what in (("--compile", "compile the step functions"), ("--packing", "pack weights for the CPU")):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=what)
    group.add_argument("--memory", default=argparse.SUPPRESS, metavar="SIZE", help="at most, such as 6GB (default any)")
    group.add_argument("--threads", type=int, default=argparse.SUPPRESS, help="CPU threads")
    group.add_argument(
        "--batch-size",
        type=int,
        default=argparse.SUPPRESS,
        metavar="K",
        help=f"songs made side by side at most (default {runtime.batch_size})",
    )


def settings_of(args: argparse.Namespace, more: Mapping[str, tuple[str, Any]] | None = None) -> Settings:
    """All settings, the flags among ``args`` on top, and ``more`` (key -> flag, value) on those.

    Raises ``ConfigError`` (see ``resolve_settings``).
    """
    from songbloom_x2.settings.resolve import resolve_settings

    given = {
        key: (f"--{name.replace('_', '-')}", str(value) if isinstance(value, Path) else value)
        for name, key in _KEYS.items()
        if (value := getattr(args, name, _ABSENT)) is not _ABSENT
    }
    return resolve_settings({**given, **(more or {})}, config=getattr(args, "config", None))


_ABSENT = object()


def _loudness(text: str) -> float | None:
    if text == "off":
        return None
    value = float(text)
    if not -70 <= value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: must be from -70 to 0, or off")
    return value
