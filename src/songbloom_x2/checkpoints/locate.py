"""Where a model lies: a name or a path in, a file or folder out. Reads no weights, needs no torch."""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path

from songbloom_x2.checkpoints.registry import EMBEDDED, MODELS, KnownModel
from songbloom_x2.errors import CheckpointError

CONFIG_FILE = "config.json"
"""What makes a folder one of our own format."""


def is_native(path: Path) -> bool:
    """Whether a folder (or a ``.safetensors`` with its JSON beside it) is in our own format."""
    folder = path if path.is_dir() else path.parent
    return (path.is_dir() or path.suffix == ".safetensors") and (folder / CONFIG_FILE).is_file()


def locate(model: str | Path, models_dir: Path | None = None) -> Path:
    """Where a model lies; ``CheckpointError`` says what to do where it does not."""
    path = Path(model)
    known = MODELS.get(str(model))
    if known is None:
        if path.exists():
            return path
        if models_dir is not None and (found := _named(path, models_dir)) is not None:
            return found
        near = difflib.get_close_matches(str(model), MODELS, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known names: {', '.join(MODELS)}"
        raise CheckpointError(f"model '{str(model)[:120]}': no such folder and no known name{hint}")
    if known.name == EMBEDDED:
        folder = Path(str(files("songbloom_x2"))) / "assets" / "embedded"
        if not is_native(folder):
            raise CheckpointError("the embedded model is not in this installation; install the package again")
        return folder
    return _downloaded(known, path, models_dir)


def _named(name: Path, models_dir: Path) -> Path | None:
    """A model that somebody put among the models, under a name of its own."""
    if len(name.parts) != 1 or name.name in ("", ".."):
        return None
    places = (models_dir / name, models_dir / f"{name}.yaml")
    return next((place for place in places if place.exists()), None)


def _downloaded(known: KnownModel, beside: Path, models_dir: Path | None) -> Path:
    """A released model's YAML, or the native folder of that name; in ``models_dir`` or the working folder."""
    places = [beside] if models_dir is None else [models_dir / known.name, models_dir, beside]
    for place in places:
        if is_native(place):
            return place
        yaml = place / f"{known.name}.yaml"
        if yaml.is_file():
            return yaml
    raise CheckpointError(
        f"model '{known.name}' is not on this machine; songbloom models download {known.name} fetches it "
        f"(licence: {known.licence}), or give the folder that holds its files"
    )
