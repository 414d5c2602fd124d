"""Our own format: ``model.safetensors`` beside ``config.json``.

The JSON holds the configuration, where the weights came from, their licence and a SHA-256 of the weights' file. Tensors
carry our own names. Loading maps the file into memory; on a CPU in the stored type nothing is copied.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from songbloom_x2.checkpoints.assemble import assemble, check_finite
from songbloom_x2.checkpoints.config_json import config_from_json, config_to_json
from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.checkpoints.keymap import OUR_CODEC
from songbloom_x2.checkpoints.locate import CONFIG_FILE as CONFIG_FILE
from songbloom_x2.checkpoints.locate import is_native as is_native
from songbloom_x2.checkpoints.quantised import KINDS, quantise, stored_kind
from songbloom_x2.checkpoints.safe_yaml import read_json
from songbloom_x2.errors import CheckpointError
from songbloom_x2.nn.stored import StoredKind
from songbloom_x2.song_model import SongModel

WEIGHTS_FILE = "model.safetensors"
FORMAT = "songbloom-x2"
VERSION = 1
EXTRA = "extra."
"""What stands before the name of a tensor that belongs to no part of the model (statistics, style latents, ...)."""

Storage = Literal["float32", "bfloat16", "float16"]
_KEYS = ("format", "version", "config", "weights", "source", "licence", "style_tags", "quantised")


@dataclass(frozen=True)
class NativeModel:
    """A loaded model with what its files say about it; ``extra`` are tensors beside the model's own.

    ``style_tags``: words that describe the styles that come with the model, by the styles' names.
    """

    model: SongModel
    source: str
    licence: str
    hash: str
    """SHA-256 of the two files' contents."""
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    style_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def save(
    folder: Path,
    model: SongModel,
    *,
    dtype: Storage | None = "float32",
    codec_dtype: Storage | None = "float32",
    source: str = "",
    extra: Mapping[str, Tensor] | None = None,
    style_tags: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write both files whole or not at all; the codec's weights in a type of their own; none: the one that they have.

    A model whose weights are rounded (``checkpoints.quantised``) is written as it is, and says so.
    An interrupted save leaves the old pair or a pair whose checksum does not match, which ``load`` refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: stored(name, tensor, dtype, codec_dtype) for name, tensor in model.state_dict().items()}
    tensors |= {EXTRA + name: tensor.detach().contiguous().cpu() for name, tensor in (extra or {}).items()}
    _replace(folder / WEIGHTS_FILE, lambda path: save_file(_unshared(tensors), path, metadata={"format": "pt"}))
    weights = folder / WEIGHTS_FILE
    described = {
        "format": FORMAT,
        "version": VERSION,
        "config": config_to_json(model.config),
        "weights": {"file": WEIGHTS_FILE, "bytes": weights.stat().st_size, "sha256": file_sha256(weights)},
        "source": source,
        "licence": model.config.licence,
    }
    if (kind := stored_kind(model)) is not None:
        described["quantised"] = kind
    if style_tags:
        described["style_tags"] = {name: list(tags) for name, tags in style_tags.items()}
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    _replace(folder / CONFIG_FILE, lambda path: path.write_text(text, encoding="utf-8"))


def load(path: Path) -> NativeModel:
    """Load a folder of this format; the parameters are views of the mapped file, in the types it stores.

    Raises ``CheckpointError`` in one line where a file is missing, damaged, altered or of another version.
    """
    folder = path if path.is_dir() else path.parent
    described = Fields(read_json(folder / CONFIG_FILE), CONFIG_FILE)
    described.same("format", FORMAT, None)
    described.same("version", VERSION, None)
    described.only(_KEYS, "is unknown; the file is of another version")
    config = config_from_json(described.value("config"), CONFIG_FILE)
    weights = described.fields("weights")
    weights.same("file", WEIGHTS_FILE, None)
    _check_file(folder / WEIGHTS_FILE, weights)
    tensors = _read_tensors(folder / WEIGHTS_FILE)
    extra = {name[len(EXTRA) :]: tensors.pop(name) for name in list(tensors) if name.startswith(EXTRA)}
    kind = _quantised(described)
    model = assemble(config, tensors, WEIGHTS_FILE, prepare=None if kind is None else partial(quantise, kind=kind))
    source, licence = described.text("source") or "", described.text("licence") or "unknown"
    # The JSON holds the checksum of the weights, so its own stands for both.
    return NativeModel(model, source, licence, file_sha256(folder / CONFIG_FILE), extra, _style_tags(described))


def stored_quantisation(path: Path) -> StoredKind | None:
    """How the large weights of the model in this folder are stored, by its ``config.json``; none where as floats."""
    folder = path if path.is_dir() else path.parent
    return _quantised(Fields(read_json(folder / CONFIG_FILE), CONFIG_FILE))


def _quantised(described: Fields) -> StoredKind | None:
    kind = described.value("quantised", None)
    if kind is not None and kind not in KINDS:
        raise described.error("quantised", f"is not one of {', '.join(KINDS)}")
    found: StoredKind | None = kind
    return found


def _style_tags(described: Fields) -> dict[str, tuple[str, ...]]:
    tags = described.value("style_tags", {})
    sound = isinstance(tags, dict) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in tags.values()
    )
    if not sound:
        raise described.error("style_tags", "is not a mapping of names to lists of words")
    return {name: tuple(words) for name, words in tags.items()}


def stored(name: str, tensor: Tensor, dtype: Storage | None, codec_dtype: Storage | None = "float32") -> Tensor:
    """A tensor of a model's state as ``save`` writes it. Raises ``CheckpointError`` where it overflows in ``dtype``."""
    tensor = tensor.detach()
    if tensor.is_floating_point() and not name.endswith((".scales", ".tables")):
        wanted = codec_dtype if name.startswith(OUR_CODEC) else dtype
        tensor = tensor if wanted is None else tensor.to(getattr(torch, wanted))
        check_finite(tensor, f"'{name}' as {tensor.dtype}")
    return tensor.contiguous().cpu()


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The format has no shared storage: what lies in another's memory is written out on its own."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        pointer = tensor.untyped_storage().data_ptr()
        whole = tensor.untyped_storage().nbytes() == tensor.nbytes
        apart[name] = tensor if whole and pointer not in seen else tensor.clone()
        seen.add(pointer)
    return apart


def _check_file(path: Path, expected: Fields) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing in {path.parent}")
    size = expected.integer("bytes", most=2**45)
    if path.stat().st_size != size:
        raise CheckpointError(f"{path.name}: has {path.stat().st_size} bytes, not {size}; cut short or replaced")
    if file_sha256(path) != expected.text("sha256"):
        raise CheckpointError(f"{path.name}: its checksum is not the one in {CONFIG_FILE}; damaged or replaced")


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name}: not a sound safetensors file ({str(error)[:80]!r})") from None


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Write under another name in the same folder, then rename: never half a file under the right name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
