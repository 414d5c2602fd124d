"""The folder that an export writes: ``export.json``, the graphs, and small tables as ``tables.npz``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.checkpoints.config_json import config_from_json
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError, StyleError

Array = npt.NDArray[Any]
DESCRIPTION = "export.json"
TABLES = "tables.npz"
PARITY = "parity.npz"
EXAMPLES = "examples.json"
FORMAT = "songbloom-x2-graphs"
VERSION = 1


@dataclass(frozen=True)
class GraphStyle:
    """A style prompt: ``latents [D, T]``, tempo in beats a minute, key as ``types.Style`` has it."""

    name: str
    latents: Array
    tempo: float | None = None
    key: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportFolder:
    """What an export says about itself; ``files`` are the graphs by name."""

    folder: Path
    kind: str
    """``onnx``, ``int8`` (the same with 8-bit weights) or ``torchscript``."""
    config: SongConfig
    described: Mapping[str, Any]
    files: Mapping[str, Path]
    bos: Array
    styles: Mapping[str, GraphStyle]

    @classmethod
    def open(cls, folder: Path, *, check: bool = False) -> ExportFolder:
        """Read a folder; with ``check`` also the checksums of its graphs.

        Raises ``CheckpointError`` where something is missing, damaged or of another version.
        """
        described = _description(folder)
        try:
            graphs = {name: _files(folder, graph, check) for name, graph in described["graphs"].items()}
            with np.load(folder / TABLES, allow_pickle=False) as tables:
                named = {name: tables[name] for name in tables.files}
            styles = {
                name: GraphStyle(name, named[f"style.{name}"], style["tempo"], style["key"], tuple(style["tags"]))
                for name, style in described["styles"].items()
            }
            config = config_from_json(described["config"], DESCRIPTION)
            return cls(folder, str(described["kind"]), config, described, graphs, named["bos"], styles)
        except (KeyError, TypeError, AttributeError, ValueError, OSError, EOFError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{folder}: not a whole export ({str(error)[:80]!r}); export the model again"
            ) from None

    @property
    def context(self) -> tuple[int, int]:
        """Latent frames before and behind a window that its sound depends on."""
        decode = self.described["decode"]
        return int(decode["left"]), int(decode["right"])

    @property
    def phased(self) -> bool:
        """Whether ``decode`` wants the window's place and the voice's phase."""
        return bool(self.described["decode"]["phased"])

    def style(self, name: str) -> GraphStyle:
        """A style that came with the model. Raises ``StyleError`` with the known names."""
        if name not in self.styles:
            known = f"known styles: {', '.join(self.styles)}" if self.styles else "this model has no named styles"
            raise StyleError(f"style '{name[:120]}': is not in {self.folder}; {known}")
        return self.styles[name]

    def examples(self) -> dict[str, dict[str, Any]]:
        """Lyrics that were turned to symbol ids already, by name."""
        examples: dict[str, dict[str, Any]] = json.loads((self.folder / EXAMPLES).read_text(encoding="utf-8"))
        return examples

    def parity(self) -> dict[str, Array]:
        """The recorded song: ``ids``, ``uniforms``, ``noise``, ``tokens``, ``latents``, ``sound``."""
        with np.load(self.folder / PARITY, allow_pickle=False) as recorded:
            return {name: recorded[name] for name in recorded.files}


def is_export(path: Path) -> bool:
    """Whether a folder was written by an export."""
    return (path / DESCRIPTION).is_file()


def sha256(path: Path) -> str:
    """Of a file's contents."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def _description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; songbloom export onnx writes one") from None
    except ValueError:
        raise CheckpointError(f"{path}: is not JSON; export the model again") from None
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise CheckpointError(f"{path}: does not describe an export of this program")
    if described.get("version") != VERSION:
        raise CheckpointError(f"{path}: version {described.get('version')}, not {VERSION}; export the model again")
    return described


def _files(folder: Path, graph: Mapping[str, Any], check: bool) -> Path:
    for name, entry in graph["files"].items():
        if Path(name).name != name:
            raise CheckpointError(f"{folder / DESCRIPTION}: file '{name}' is not in the folder")
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing; export the model again")
        if path.stat().st_size != entry["bytes"] or (check and sha256(path) != entry["sha256"]):
            raise CheckpointError(f"{path}: is not the file that was exported; export the model again")
    return folder / str(graph["file"])
