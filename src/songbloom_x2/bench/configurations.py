"""The configurations that are measured by name: those of the changelog, and ``fast``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from songbloom_x2.config import PRESETS
from songbloom_x2.errors import ConfigError

Overrides = Mapping[str, Mapping[str, Any]]
"""``runtime`` and ``sampling``, by field name."""

_FAST = dict(PRESETS["released"]["fast"])

CONFIGURATIONS: Mapping[str, Overrides] = MappingProxyType(
    {
        "baseline_fp32": {"runtime": {"precision": "float32", "optimisation": "minimal"}},
        "standard_fp32": {"runtime": {"precision": "float32", "optimisation": "standard"}},
        "standard_bf16": {"runtime": {"precision": "bfloat16", "optimisation": "minimal"}},
        "optimized_bf16": {"runtime": {"precision": "bfloat16", "optimisation": "standard"}},
        "memory_int8": {"runtime": {"precision": "auto", "optimisation": "standard", "quantise": "int8"}},
        "ultra_memory_int8": {"runtime": {"precision": "bfloat16", "quantise": "int8_weights"}},
        "int4": {"runtime": {"precision": "bfloat16", "quantise": "int4"}},
        "fast": {"runtime": {"precision": "auto", "optimisation": "aggressive"}, "sampling": _FAST},
    }
)
DEFAULT = ("baseline_fp32", "standard_fp32", "optimized_bf16", "memory_int8", "fast")
"""What is measured where nobody names configurations."""
IN_BFLOAT16 = ("optimized_bf16",)
"""Those of them that a CPU without bfloat16 instructions would take minutes a block for."""


def configuration(name: str) -> Overrides:
    """By name, or free: ``precision=bfloat16,quantise=int8,steps=12``. Raises ``ConfigError``."""
    if name in CONFIGURATIONS:
        return CONFIGURATIONS[name]
    if "=" not in name:
        raise ConfigError(
            f"configuration '{name}' is unknown; known are {', '.join(CONFIGURATIONS)}, or name=value,name=value"
        )
    from songbloom_x2.settings.keys import all_keys
    from songbloom_x2.settings.values import fits, from_text

    found: dict[str, dict[str, Any]] = {"runtime": {}, "sampling": {}}
    keys = all_keys()
    for part in name.split(","):
        field, _, text = part.partition("=")
        section = next((section for section in found if f"{section}.{field.strip()}" in keys), None)
        if section is None:
            raise ConfigError(f"configuration '{name}': '{field}' is neither a runtime nor a sampling setting")
        key = keys[f"{section}.{field.strip()}"]
        value = from_text(text.strip(), key.kind)
        if not fits(value, key.kind):
            raise ConfigError(f"configuration '{name}': {field} cannot be '{text}'")
        found[section][field.strip()] = value
    return found
