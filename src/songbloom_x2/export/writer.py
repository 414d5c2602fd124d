"""Writing an export: graphs, tables, examples and the reference song, whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from songbloom_x2.checkpoints.config_json import config_to_json
from songbloom_x2.checkpoints.load import LoadedModel
from songbloom_x2.errors import ConfigError
from songbloom_x2.export.graphs import Graph, decode_context, graphs_of
from songbloom_x2.export.reference import Reference
from songbloom_x2.onnx_runtime.folder import (
    DESCRIPTION,
    EXAMPLES,
    FORMAT,
    PARITY,
    TABLES,
    VERSION,
    sha256,
)
from songbloom_x2.song_model import DEFAULT_TEMPO
from songbloom_x2.style_prompts import named_styles
from songbloom_x2.text.prepare import prepare_lyrics

EXAMPLE_LYRICS = {
    "city-lights": "[verse]\nCity lights are calling me home,\nand the night is warm and wide.",
    "morning": "[verse]\nMorning comes with a golden hand,\nopens the window and warms the sand.\n"
    "[chorus]\nRise and sing, the day is young,\nevery song waits to be sung.",
    "little-boat": "[verse]\nLittle boat, the sea is wide,\nlet the wind be at your side.",
}
"""Lyrics whose symbol ids go along, for programs that cannot turn text into phonemes."""
WriteGraph = Callable[[Graph, Path], Sequence[Path]]
"""A graph and the folder to write it to -> the files, the first of them the graph itself."""


def write_export(
    loaded: LoadedModel,
    out: Path,
    kind: str,
    write: WriteGraph,
    reference: Reference,
    *,
    finish: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write the export of ``loaded`` to the new folder ``out``; ``finish`` changes it before it gets that name.

    Raises ``ConfigError`` where ``out`` is there already, or cannot be written.
    """
    refuse_existing(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}; choose another place") from error
    try:
        described = _write(loaded, temporary, kind, write, reference)
        text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
        (temporary / DESCRIPTION).write_text(text, encoding="utf-8")
        finish(temporary)
        temporary.chmod(0o755)
        temporary.rename(out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}; choose another place") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_existing(out: Path) -> None:
    """Raise ``ConfigError`` where ``out`` exists: nothing is overwritten."""
    if out.exists():
        raise ConfigError(f"--out {out}: is there already; give a new folder")


def _write(loaded: LoadedModel, folder: Path, kind: str, write: WriteGraph, reference: Reference) -> dict[str, Any]:
    model, config = loaded.model, loaded.config
    described = {}
    for graph in graphs_of(model):
        files = write(graph, folder)
        described[graph.name] = {
            "file": files[0].name,
            "inputs": {name: _tensor(graph, name) for name in graph.inputs},
            "outputs": list(graph.outputs),
            "files": {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in files},
        }
    styles = named_styles(loaded.extra, loaded.style_tags)
    tables: dict[str, Any] = {"bos": model.sketch.bos.float().numpy()}
    tables |= {f"style.{name}": style.latents.numpy() for name, style in styles.items()}
    np.savez_compressed(folder / TABLES, **tables)
    arrays: dict[str, Any] = reference.arrays
    np.savez_compressed(folder / PARITY, **arrays)
    (folder / EXAMPLES).write_text(json.dumps(_examples(loaded), ensure_ascii=False, indent=1), encoding="utf-8")
    assert model.codec is not None
    left, right = decode_context(model.codec)
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "model": {"name": config.name, "sha256": loaded.hash, "licence": loaded.licence, "source": loaded.source},
        "config": config_to_json(config),
        "graphs": described,
        "decode": {"left": left, "right": right, "phased": "first" in described["decode"]["inputs"]},
        "default_tempo": DEFAULT_TEMPO,
        "styles": {
            name: {"tempo": style.tempo, "key": style.key, "tags": list(style.tags)} for name, style in styles.items()
        },
        "parity": reference.to_json(),
    }


def _tensor(graph: Graph, name: str) -> dict[str, Any]:
    tensor, axes = graph.inputs[name], graph.axes.get(name, {})
    shape = [axes.get(axis, size) for axis, size in enumerate(tensor.shape)]
    return {"type": str(tensor.dtype).removeprefix("torch."), "shape": shape}


def _examples(loaded: LoadedModel) -> dict[str, Any]:
    config = loaded.config
    examples = {}
    for name, text in EXAMPLE_LYRICS.items():
        made = prepare_lyrics(text, config.lyrics, instrumental_seconds=config.instrumental_seconds)
        examples[name] = {"lyrics": text, "ids": list(made.ids), "seconds": round(made.estimated_seconds, 1)}
    return examples
