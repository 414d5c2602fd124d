"""Whether the CPU's steps run through our own kernels, and in which type the LM then keeps keys and values."""

from __future__ import annotations

from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.choice import Choice
from songbloom_x2.runtime.kernels.binding import Library
from songbloom_x2.runtime.kernels.build import built, obstacle
from songbloom_x2.runtime.kernels.linear import agrees
from songbloom_x2.runtime.precision import has_bfloat16


def resolve_kernels(config: RuntimeConfig, device: str, precision: str, quantisation: str, packing: bool) -> Choice:
    """``own`` where the CPU's products in int8, or packed in float32, and the steps around them are our own kernels."""
    asked = config.kernels
    if asked not in ("auto", "torch", "own"):
        raise RuntimePlanError(f"kernels '{asked}' is unknown; known are auto, torch and own")
    if asked == "torch":
        return Choice("kernels", asked, "torch", "as asked")
    why = None
    if device != "cpu" or quantisation not in ("int8", "none"):
        why = "ours are for float32 and int8 on a CPU"
    elif quantisation == "none" and not packing:
        why = "ours have weights of their own layout: with packing, or int8"
    elif quantisation == "none" and config.compile:
        why = "compiled steps are torch's"
    elif quantisation == "none" and config.attention != "auto":
        why = f"the attention kernel '{config.attention}' is torch's"
    elif config.kv_cache == "bfloat16":
        why = "our own kernels read float32 and int8 keys and values"
    elif precision != "float32":
        why = f"ours give float32, not {precision}"
    why = why or obstacle()
    if why is None:
        try:
            library = Library(built())
            shape = library.shape
            if not agrees(library):
                raise RuntimePlanError("kernels 'own': they compute wrongly on this CPU; ask for --kernels torch")
        except (RuntimePlanError, OSError) as error:
            if asked == "own":
                raise
            return Choice("kernels", asked, "torch", str(error))
        bits = "8 bits, VNNI" if shape.has_dot else "7 bits, this CPU has no VNNI"
        if quantisation == "none":
            bits = "float32"
        return Choice("kernels", asked, "own", f"compiled for this CPU ({bits})")
    if asked == "own":
        raise RuntimePlanError(f"kernels 'own': {why}")
    return Choice("kernels", asked, "torch", why)


def resolve_cache(config: RuntimeConfig, device: str, precision: str, kernels: str, quantisation: str) -> Choice:
    """The type in which the LM keeps keys and values."""
    asked = config.kv_cache
    if asked not in ("auto", "model", "bfloat16", "int8"):
        raise RuntimePlanError(f"kv_cache '{asked}' is unknown; known are auto, model, bfloat16 and int8")
    if asked == "auto":
        if kernels == "own" and quantisation == "int8":
            return Choice("kv cache", asked, "int8", "a quarter of the memory, and our kernels read it as it is")
        return Choice("kv cache", asked, precision, "the precision above")
    if asked == "model":
        return Choice("kv cache", asked, precision, "as asked")
    if asked == "bfloat16" and not has_bfloat16(device):
        raise RuntimePlanError(f"kv_cache 'bfloat16': the device '{device}' has no such numbers; ask for int8")
    return Choice("kv cache", asked, asked, "as asked")
