"""LoRA adapters as files: tensors only, named as ``peft`` names them, bound to the model that they were trained on.

An adapter is a ``.safetensors`` file, or the folder that ``songbloom train lora`` wrote (``adapter_model.safetensors``
beside ``adapter_config.json``). What is needed to check and apply it stands in the file's own header; the JSON is for
other programs. Nothing in it is executed, and names and shapes that the model does not have are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.checkpoints.quantised import stored_kind
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.lora import LoraLinear
from songbloom_x2.types import LoraChoice

WEIGHTS_FILE, CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."
_HEADER = "songbloom_adapter"
_FIRST, _SECOND = ".lora_A.weight", ".lora_B.weight"
LARGEST_RANK = 512


@dataclass(frozen=True)
class AdapterHeader:
    """What a file says about itself; ``base`` is the hash of the model that it belongs to."""

    base: str
    model: str
    rank: int
    alpha: float
    source: str = ""


@dataclass(frozen=True)
class AppliedAdapter:
    """An adapter that is part of a loaded model: as it was asked for, and the SHA-256 of its file."""

    file: str
    scale: float
    sha256: str
    layers: int


def save_adapter(folder: Path, layers: Mapping[str, LoraLinear], header: AdapterHeader) -> Path:
    """Write both files whole or not at all; gives the path of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, layer in layers.items():
        tensors[f"{PREFIX}{name}{_FIRST}"] = layer.lora_A.detach().float().contiguous()
        tensors[f"{PREFIX}{name}{_SECOND}"] = layer.lora_B.detach().float().contiguous()
    path = folder / WEIGHTS_FILE
    write_atomically(path, save(tensors, metadata={"format": "pt", _HEADER: json.dumps(asdict(header))}))
    described = {
        "peft_type": "LORA",
        "r": header.rank,
        "lora_alpha": header.alpha,
        "target_modules": sorted(layers),
        "bias": "none",
        "lora_dropout": 0.0,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "base_model_name_or_path": header.model,
    }
    write_atomically(folder / CONFIG_FILE, (json.dumps(described, indent=1) + "\n").encode())
    return path


def apply_adapters(model: nn.Module, model_hash: str, choices: Sequence[LoraChoice]) -> tuple[AppliedAdapter, ...]:
    """Add every adapter to the weights of ``model`` in place, in float32; sums do not depend on their order.

    Raises ``CheckpointError`` in one line for a file that is missing, damaged, of another model or another shape.
    """
    if choices and stored_kind(model) is not None:
        raise CheckpointError(
            f"lora {choices[0].file}: the model's weights are stored in fewer bits: add it to the full model"
        )
    sums: dict[str, Tensor] = {}
    applied = []
    for choice in choices:
        path = adapter_file(Path(choice.file))
        header, tensors = _read(path)
        if header.base != model_hash:
            raise CheckpointError(
                f"lora {path}: was trained on the model '{header.model}' with hash {header.base[:12]}, not on this one "
                f"({model_hash[:12]}): use that model, or train it again"
            )
        for name, (first, second) in _pairs(path, tensors, model, header.rank).items():
            if choice.scale == 0:
                continue
            delta = (second.double() @ first.double()) * (choice.scale * header.alpha / header.rank)
            sums[name] = sums[name] + delta if name in sums else delta
        applied.append(AppliedAdapter(str(choice.file), choice.scale, file_sha256(path), len(tensors) // 2))
    with torch.no_grad():
        for name, delta in sums.items():
            layer = model.get_submodule(name)
            assert isinstance(layer, nn.Linear)
            # A new tensor: the old one may be a view of the mapped model file.
            weight = (layer.weight.double() + delta.to(layer.weight.device)).float()
            layer.weight = nn.Parameter(weight, requires_grad=False)
    return tuple(applied)


def adapter_file(path: Path) -> Path:
    """The file of weights of an adapter that is given as a file or a folder."""
    file = path / WEIGHTS_FILE if path.is_dir() else path
    if not file.is_file():
        raise CheckpointError(f"lora {path}: no such file, nor a folder with {WEIGHTS_FILE}")
    return file


def _read(path: Path) -> tuple[AdapterHeader, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"lora {path}: not a sound safetensors file ({str(error)[:80]!r})") from None
    return _header(path, metadata), tensors


def _header(path: Path, metadata: Mapping[str, str]) -> AdapterHeader:
    if _HEADER not in metadata:
        raise CheckpointError(
            f"lora {path}: does not say which model it belongs to: only adapters of songbloom train lora can be used"
        )
    try:
        raw: dict[str, Any] = json.loads(metadata[_HEADER])
        found = AdapterHeader(
            str(raw["base"]), str(raw["model"])[:120], int(raw["rank"]), float(raw["alpha"]), str(raw["source"])
        )
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"lora {path}: its header is damaged") from None
    if not 1 <= found.rank <= LARGEST_RANK or not 0 < abs(found.alpha) < 1e6:
        raise CheckpointError(f"lora {path}: rank {found.rank} or alpha {found.alpha} is out of range")
    return found


def _pairs(path: Path, tensors: Mapping[str, Tensor], model: nn.Module, rank: int) -> dict[str, tuple[Tensor, Tensor]]:
    """The two factors of every layer, checked against the model."""
    layers = dict(model.named_modules())
    pairs: dict[str, tuple[Tensor, Tensor]] = {}
    for key in tensors:
        name = key.removeprefix(PREFIX).removesuffix(_FIRST).removesuffix(_SECOND)
        layer = layers.get(name)
        both = [tensors.get(f"{PREFIX}{name}{end}") for end in (_FIRST, _SECOND)]
        if not isinstance(layer, nn.Linear) or both[0] is None or both[1] is None:
            raise CheckpointError(f"lora {path}: '{key[:100]}' belongs to no layer of this model")
        first, second = both[0], both[1]
        wanted = ((rank, layer.in_features), (layer.out_features, rank))
        if (tuple(first.shape), tuple(second.shape)) != wanted:
            raise CheckpointError(f"lora {path}: '{name[:100]}' has shapes {tuple(first.shape)}, {tuple(second.shape)}")
        if not (first.isfinite().all() and second.isfinite().all()):
            raise CheckpointError(f"lora {path}: '{name[:100]}' holds values that are not finite")
        pairs[name] = first, second
    if not pairs:
        raise CheckpointError(f"lora {path}: holds no layers")
    return pairs
