"""A saved style: latents and what is known about them, in one safetensors file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from songbloom_x2.editing.memory import style_facts, style_of
from songbloom_x2.errors import StyleError
from songbloom_x2.types import Style

SUFFIX = ".style.safetensors"
_HEADER = "songbloom-style"
_LARGEST = 2**28
FORMAT = 1


def style_bytes(style: Style, model: str) -> bytes:
    """The file's contents; ``model`` is the SHA-256 of the model that made the latents."""
    facts, tensors = style_facts(style)
    told = json.dumps({"format": FORMAT, "model": model, "style": facts}, ensure_ascii=False, allow_nan=False)
    return save({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, metadata={_HEADER: told})


def read_style_file(path: Path, latent_dim: int, model: str) -> Style:
    """A saved style, for a model whose latents are ``latent_dim`` wide. Raises ``StyleError`` in one line."""
    try:
        if path.stat().st_size > _LARGEST:
            raise StyleError(f"style {path}: too large for a style")
        with safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get(_HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
    except (SafetensorError, OSError, ValueError):
        raise StyleError(f"style {path}: damaged or cut short: save it again") from None
    told = None if header is None else json.loads(header)
    if told is None or told.get("format") != FORMAT:
        raise StyleError(f"style {path}: not a style of this version: save it again")
    style = style_of(told["style"], tensors)
    if style is None or any(latents.shape[0] != latent_dim for latents in tensors.values()):
        raise StyleError(f"style {path}: made by another kind of model: save it with this one")
    if told["model"] != model:
        return dataclasses.replace(style, notes=(*style.notes, "saved with another version of the model"))
    return style
