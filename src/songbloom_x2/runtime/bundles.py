"""What the named bundles mean, and whether this machine can do what they or single switches ask for.

A switch that was set by name is refused where it cannot act; one that a bundle asks for is left off, with the reason.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable

import torch

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.nn.stored import INT4_GROUP
from songbloom_x2.runtime.choice import Choice

_BUNDLES = ("auto", "minimal", "standard", "aggressive")
_KINDS = ("none", "int8", "int8_weights", "int4")


def resolve_packing(config: RuntimeConfig, device: str, dtype: torch.dtype) -> Choice:
    """``on`` where projections are joined (anywhere) and packed for the CPU's kernels."""
    bundle = _bundle(config, device)
    asked, wanted = _asked(config, config.packing, bundle != "minimal")
    if not wanted:
        return Choice("packing", asked, "off", "torch's own layers")
    if device != "cpu":
        return Choice("packing", asked, "on", "projections joined; this device packs by itself")
    has_onednn: Callable[[], bool] = torch.backends.mkldnn.is_available
    if not has_onednn():
        return _refused("packing", asked, config.packing is not None, "this torch has no oneDNN")
    if dtype == torch.bfloat16 and not _packs_bfloat16():
        return Choice("packing", asked, "on", "projections joined; this CPU has no bfloat16 kernels to pack for")
    return Choice("packing", asked, "on", "projections joined, weights laid out once for the CPU's kernels")


def resolve_quantisation(config: RuntimeConfig, device: str, dtype: torch.dtype) -> Choice:
    """How the weights of LM and DiT are stored."""
    by_name = config.quantise != "auto"
    if by_name and config.quantise not in _KINDS:
        raise RuntimePlanError(f"quantise '{config.quantise}' is unknown; known are auto, {', '.join(_KINDS)}")
    wanted = config.quantise if by_name else "int8" if config.optimisation == "aggressive" else "none"
    asked = wanted if by_name else f"{config.optimisation} (bundle)"
    if wanted == "none":
        return Choice("quantisation", asked, "none", "weights in the precision above")
    if device == "cuda":
        if wanted == "int8":
            wanted = "int8_weights"
        if importlib.util.find_spec("torchao") is None:
            return _refused(
                "quantise", asked, by_name, f"'{wanted}' on a GPU needs torchao: pip install torchao", "none"
            )
        return Choice("quantisation", asked, wanted, "weights only, through torchao")
    if device != "cpu":
        return _refused("quantise", asked, by_name, f"there are no kernels for '{wanted}' on '{device}'", "none")
    if wanted == "int8":
        if "x86" not in torch.backends.quantized.supported_engines:
            return _refused("quantise", asked, by_name, "'int8' needs an x86 CPU; int8_weights runs here", "none")
        bits = "8 bits, VNNI" if torch.cpu._is_vnni_supported() else "7 bits, this CPU has no VNNI"
        return Choice("quantisation", asked, wanted, f"weights in 8 bits, rows rounded at every step ({bits})")
    reason = (
        "weights in 8 bits, rows in bfloat16"
        if wanted == "int8_weights"
        else f"weights in 4 bits, 8 in layers that are no multiples of {INT4_GROUP} x 16; rows in bfloat16"
    )
    return Choice("quantisation", asked, wanted, reason)


def resolve_compile(config: RuntimeConfig, device: str, quantisation: str) -> Choice:
    """``on`` where step functions go through ``torch.compile``."""
    asked, wanted = _asked(config, config.compile, _bundle(config, device) != "minimal" and device == "cuda")
    if not wanted:
        why = (
            "as asked"
            if config.compile is not None
            else "on a CPU only where asked for: its gain there was not measured"
        )
        return Choice("compile", asked, "off", why if device == "cpu" or config.compile is not None else "plain path")
    if config.offload != "none":
        return _refused("compile", asked, config.compile is not None, "not with weights that come and go (offload)")
    if device == "mps":
        return _refused("compile", asked, config.compile is not None, "not on an Apple GPU")
    if device == "cpu" and shutil.which("g++") is None and shutil.which("clang++") is None:
        return _refused("compile", asked, config.compile is not None, "needs a C++ compiler: install g++")
    if device == "cpu" and quantisation != "none":
        return _refused("compile", asked, config.compile is not None, f"not with '{quantisation}' on a CPU")
    if device == "cuda" and importlib.util.find_spec("triton") is None:
        return _refused("compile", asked, config.compile is not None, "needs triton")
    return Choice("compile", asked, "on", "the first song waits for it; later ones and later processes use the cache")


def _bundle(config: RuntimeConfig, device: str) -> str:
    if config.optimisation not in _BUNDLES:
        raise RuntimePlanError(f"optimisation '{config.optimisation}' is unknown; known are {', '.join(_BUNDLES)}")
    if config.optimisation == "auto":
        # Compiling makes a GPU's first song wait: only where it was asked for.
        return "standard" if device == "cpu" else "minimal"
    return config.optimisation


def _asked(config: RuntimeConfig, switch: bool | None, bundle: bool) -> tuple[str, bool]:
    if switch is None:
        return f"{config.optimisation} (bundle)", bundle
    return "on" if switch else "off", switch


def _refused(setting: str, asked: str, by_name: bool, why: str, instead: str = "off") -> Choice:
    if by_name:
        raise RuntimePlanError(f"{setting}: {why}")
    return Choice("quantisation" if setting == "quantise" else setting, asked, instead, why)


def _packs_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
