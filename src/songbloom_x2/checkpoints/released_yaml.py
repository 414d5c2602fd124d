"""A released YAML: what model it describes, and which files belong to it. Only files inside its folder are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.checkpoints.folder import inside
from songbloom_x2.checkpoints.interpolation import MISSING, ResolvedConfig
from songbloom_x2.checkpoints.released_codec import read_codec
from songbloom_x2.checkpoints.released_shape import song_config
from songbloom_x2.checkpoints.safe_yaml import read_yaml
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError

VOCABULARY_FILE = "vocab_g2p.yaml"
_SECTIONS = ("max_dur", "sr", "pretrained_path", "vae", "model", "inference")


@dataclass(frozen=True)
class ReleasedModel:
    """What a released YAML says: the model's shape, its files, and choices worth showing."""

    config: SongConfig
    folder: Path
    weights: Path
    codec_weights: Path | None
    """The separate codec checkpoint, where the YAML names one (the file may be absent)."""
    config_files: tuple[Path, ...]
    """The small files that were read: YAML, codec JSON, vocabulary."""
    notes: tuple[str, ...]


def is_released(path: Path) -> bool:
    """Whether the path is a released YAML or ``.pt``, or a folder with such a YAML."""
    if path.is_file():
        return path.suffix in (".yaml", ".yml", ".pt")
    return path.is_dir() and any(_models(path))


def find_released(path: Path) -> Path:
    """The YAML of the one model in a folder (or of the YAML or ``.pt`` itself); ``CheckpointError`` otherwise."""
    if path.is_file():
        yaml = path if path.suffix in (".yaml", ".yml") else path.with_suffix(".yaml")
        if not yaml.is_file():
            raise CheckpointError(f"{path}: its config {yaml.name} is not beside it")
        return yaml
    if not path.is_dir():
        raise CheckpointError(f"{path}: no such file or folder")
    found = _models(path)
    if not found:
        raise CheckpointError(f"{path}: holds no released model (no NAME.yaml with a 'model' section)")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise CheckpointError(f"{path}: holds several models ({names}); give the path of one YAML")
    return found[0]


def _models(folder: Path) -> list[Path]:
    """YAML files that describe a model. A damaged one counts too, so that it is reported and not overlooked."""
    return sorted(file for file in folder.glob("*.yaml") if file.name != VOCABULARY_FILE and _describes_model(file))


def _describes_model(file: Path) -> bool:
    try:
        data = read_yaml(file)
    except CheckpointError:
        return True
    return isinstance(data, dict) and "model" in data


def read_released(path: Path, *, rope_base_dit: float | None = None) -> ReleasedModel:
    """Read the YAML at ``path``; ``rope_base_dit`` overrides the rule for the DiT's RoPE base.

    Raises ``CheckpointError``, naming file and key, for anything missing, unknown or outside the folder.
    """
    source, folder = path.name, path.parent.absolute()
    tree = read_yaml(path)
    if not isinstance(tree, dict):
        raise CheckpointError(f"{source}: not a mapping; this is no released config")
    resolved = ResolvedConfig(tree, folder, source)
    top = Fields({key: resolved.get(key) for key in _SECTIONS}, source)
    vae = top.fields("vae")
    codec_file = _file(folder, vae, "vae_cfg")
    if codec_file is None:
        raise vae.error("vae_cfg", "is missing")
    codec = read_codec(codec_file)
    if resolved.get("train_dataset.lyric_processor") not in (None, "phoneme"):
        raise top.error("train_dataset.lyric_processor", "is not 'phoneme', the only one supported")
    top.same("sr", codec.sample_rate, codec.sample_rate)
    vae.same("sr", codec.sample_rate, codec.sample_rate)
    config, notes = song_config(path.stem, top, codec, rope_base_dit)
    weights = _file(folder, top, "pretrained_path") or path.with_suffix(".pt")
    files = (path, codec_file, *resolved.loaded)
    return ReleasedModel(config, folder, weights, _file(folder, vae, "vae_ckpt"), files, notes)


def _file(folder: Path, fields: Fields, key: str) -> Path | None:
    """The file a key names, kept inside the folder; none where the key is empty."""
    name = fields.text(key)
    if not name or name == MISSING:
        return None
    return inside(folder, name, fields.source)
