"""What is known of the models that can be asked for, without loading any: limits, defaults and styles. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from songbloom_x2.checkpoints.config_json import config_from_json
from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.checkpoints.locate import CONFIG_FILE, is_native, locate
from songbloom_x2.checkpoints.registry import MODELS
from songbloom_x2.checkpoints.released_yaml import find_released, is_released, read_released
from songbloom_x2.checkpoints.safe_yaml import read_json
from songbloom_x2.config import FRAME_RATE, OobleckConfig, SongConfig
from songbloom_x2.errors import CheckpointError, NotFoundError
from songbloom_x2.jobs.records import StyleRecord

_STYLE = "extra.style."
_LATENTS = ".latents"


@dataclass(frozen=True)
class ModelShape:
    """A model's configuration, and the styles that come with it."""

    name: str
    config: SongConfig
    styles: tuple[StyleRecord, ...]
    weights: Path | None = None
    """The file that the styles were found in; none for models without."""

    @property
    def channels(self) -> int:
        """Of its sound."""
        codec = self.config.codec
        return codec.audio_channels if isinstance(codec, OobleckConfig) else 2

    @property
    def block_seconds(self) -> float:
        """Length of a block."""
        return self.config.block_size / FRAME_RATE

    @property
    def longest_seconds(self) -> float:
        """Length of the longest song."""
        return self.config.max_frames / FRAME_RATE


class ModelShapes:
    """The models of one server: those known by name that are here, those in the models folder, and the default."""

    def __init__(self, default: str, models_dir: Path | None, source: str | None = None) -> None:
        """Nothing is read yet. ``source``: where the default is loaded from, where that is not its name."""
        self.default = default
        self._source = default if source is None else source
        self._models_dir = models_dir
        self._known: dict[str, ModelShape] = {}

    def names(self) -> list[str]:
        """Every model that can be asked for, the default first."""
        found = [self.default, *MODELS]
        if self._models_dir is not None and self._models_dir.is_dir():
            found += sorted(path.name for path in self._models_dir.iterdir() if is_native(path) or _released(path))
        return list(dict.fromkeys(found))

    def shape(self, name: str | None) -> ModelShape:
        """One model's shape; none: the default's.

        Raises ``NotFoundError`` for a name that is not among them (paths are not taken from requests), and
        ``CheckpointError`` where it is not on this machine or damaged.
        """
        name = self.default if name is None else name
        if name in self._known:
            return self._known[name]
        if name not in self.names():
            raise NotFoundError(f"model '{name[:120]}' is not known here")
        shape = _read(name, locate(self._source if name == self.default else name, self._models_dir))
        self._known[name] = shape
        return shape


def _released(path: Path) -> bool:
    return path.is_dir() and is_released(path)


def _read(name: str, path: Path) -> ModelShape:
    if not is_native(path):
        return ModelShape(name, read_released(find_released(path)).config, ())
    folder = path if path.is_dir() else path.parent
    described = Fields(read_json(folder / CONFIG_FILE), CONFIG_FILE)
    config = config_from_json(described.value("config"), CONFIG_FILE)
    tags = described.value("style_tags", {})
    weights = folder / "model.safetensors"
    return ModelShape(name, config, _styles(weights, tags if isinstance(tags, dict) else {}), weights)


def _styles(file: Path, tags: dict[str, Any]) -> tuple[StyleRecord, ...]:
    try:
        with safe_open(file, framework="np") as tensors:
            names = sorted(
                key[len(_STYLE) : -len(_LATENTS)]
                for key in tensors.keys()  # noqa: SIM118 - no mapping
                if key.startswith(_STYLE) and key.endswith(_LATENTS)
            )
            return tuple(_style(tensors, name, tags.get(name)) for name in names)
    except (OSError, SafetensorError, TypeError) as error:
        raise CheckpointError(f"{file}: cannot be read: {error}") from error


def _style(tensors: Any, name: str, tags: Any) -> StyleRecord:
    keys = set(tensors.keys())
    tempo, key = f"{_STYLE}{name}.tempo", f"{_STYLE}{name}.key"
    frames = tensors.get_slice(f"{_STYLE}{name}{_LATENTS}").get_shape()[1]
    words = tuple(map(str, tags)) if isinstance(tags, list) else tuple(name.split("-"))
    return StyleRecord(
        id=name,
        name=name,
        source="model",
        tags=words,
        tempo=float(tensors.get_tensor(tempo)) if tempo in keys else None,
        key=int(tensors.get_tensor(key)) if key in keys else None,
        seconds=frames / FRAME_RATE,
    )
