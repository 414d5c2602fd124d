"""The recognisers of style and voice as a file, and the file that comes with the embedded model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.errors import CheckpointError
from songbloom_x2.evaluate.recognition import STYLE_WIDTH, VOICE_WIDTH, Recogniser

_PARTS = ("mean", "scale", "weights", "bias")


@dataclass(frozen=True)
class Listener:
    """Recognises the style of a band and the voice of a dry voice stem; ``source`` says what it was fitted on."""

    style: Recogniser
    voice: Recogniser
    source: str


def shipped_listener() -> Path:
    """Where the listener of the embedded model lies."""
    return Path(str(files("songbloom_x2"))) / "assets" / "embedded" / "listener.safetensors"


def save_listener(listener: Listener, path: Path) -> None:
    """Write it as safetensors, whole or not at all."""

    tensors = {
        f"{kind}.{part}": np.ascontiguousarray(getattr(recogniser, part))
        for kind, recogniser in (("style", listener.style), ("voice", listener.voice))
        for part in _PARTS
    }
    names = {"style": listener.style.names, "voice": listener.voice.names, "source": listener.source}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(tensors, metadata={"listener": json.dumps(names)}))


def load_listener(path: Path) -> Listener:
    """Read what ``save_listener`` wrote. Raises ``CheckpointError`` where it is not that."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = json.loads(file.metadata()["listener"])
            parts = {
                kind: Recogniser(
                    tuple(names[kind]), *(file.get_tensor(f"{kind}.{part}").astype(np.float32) for part in _PARTS)
                )
                for kind in ("style", "voice")
            }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not a listener ({str(error)[:80]}): fit one with songbloom train listener"
        ) from None
    if (len(parts["style"].mean), len(parts["voice"].mean)) != (STYLE_WIDTH, VOICE_WIDTH):
        raise CheckpointError(f"{path}: fitted on other features: fit it again with songbloom train listener")
    return Listener(parts["style"], parts["voice"], str(names["source"]))
