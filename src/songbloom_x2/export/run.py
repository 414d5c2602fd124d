"""From a model's name to a checked export: write it, then make its song again in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

import songbloom_x2
from songbloom_x2.checkpoints.describe import describe
from songbloom_x2.checkpoints.load import LoadedModel, load_model, locate
from songbloom_x2.checkpoints.native import Storage
from songbloom_x2.config import Precision, RuntimeConfig
from songbloom_x2.errors import SongBloomError
from songbloom_x2.export.onnx_files import refuse_missing, write_onnx
from songbloom_x2.export.quantised import quantise_export
from songbloom_x2.export.reference import reference_song
from songbloom_x2.export.state_dict import round_weights, write_state_dict
from songbloom_x2.export.torchscript_files import write_torchscript
from songbloom_x2.export.writer import refuse_existing, write_export
from songbloom_x2.onnx_runtime.folder import DESCRIPTION, ExportFolder, is_export
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.plan import resolve

Kind = Literal["onnx", "quantized", "torchscript"]
CHECKS: Mapping[str, str] = {
    "onnx": "songbloom_x2.onnx_runtime.check",
    "quantized": "songbloom_x2.onnx_runtime.check",
    "torchscript": "songbloom_x2.export.check_torchscript",
}


def export_graphs(kind: Kind, model: str, out: Path, seconds: float, models_dir: Path | None) -> dict[str, Any]:
    """Export ``model`` to the new folder ``out``; gives what the check of it found.

    ``seconds``: length of the song that it is checked with. Raises ``SongBloomError`` where the export is not the same
    model.
    """
    refuse_existing(out)
    if kind != "torchscript":
        refuse_missing()
    plan = resolve(RuntimeConfig(device="cpu", precision="float32", optimisation="minimal"))
    with apply(plan):
        loaded = load_model(model, plan, models_dir=models_dir)
        loaded.model.eval()
        reference = reference_song(loaded, seconds=seconds)
        if kind == "torchscript":
            write_export(loaded, out, "torchscript", write_torchscript, reference)
        elif kind == "onnx":
            write_export(loaded, out, "onnx", write_onnx, reference)
        else:
            write_export(loaded, out, "onnx", write_onnx, reference, finish=quantise_export)
    return _checked(CHECKS[kind], out)


def export_weights(storage: Storage, model: str, out: Path, seconds: float, models_dir: Path | None) -> dict[str, Any]:
    """Write a model's weights in ``storage`` to the new folder ``out``; gives what the check found.

    Raises as ``export_graphs`` does.
    """
    refuse_existing(out)
    # A CPU does not compute in float16: what such weights sing is compared in float32.
    precision: Precision = "float32" if storage == "float16" else storage
    plan = resolve(RuntimeConfig(device="cpu", precision=precision, optimisation="minimal"))
    with apply(plan):
        loaded: LoadedModel = load_model(model, plan, models_dir=models_dir)
        loaded.model.eval()
        if precision != storage:
            round_weights(loaded.model, storage)
        song = reference_song(loaded, seconds=seconds)
        write_state_dict(loaded, out, storage)
    with tempfile.TemporaryDirectory() as temporary:
        recorded = Path(temporary) / "song.npz"
        arrays: dict[str, Any] = song.arrays
        np.savez(recorded, **arrays, precision=np.asarray(precision), seconds=np.asarray(seconds))
        return _checked("songbloom_x2.export.check_state_dict", out, str(recorded))


def describe_export(model: str, models_dir: Path | None) -> dict[str, Any]:
    """Of an export's folder what it says about itself, its checksums compared; of a model what ``models info`` says."""
    if is_export(Path(model)):
        folder = ExportFolder.open(Path(model), check=True)
        sizes = {
            name: sum(entry["bytes"] for entry in graph["files"].values())
            for name, graph in folder.described["graphs"].items()
        }
        return {
            **folder.described,
            "bytes": {"all": sum(sizes.values()), **sizes},
            "path": str(folder.folder / DESCRIPTION),
        }
    return describe(Path(locate(model, models_dir)))


def _checked(module: str, *arguments: Path | str) -> dict[str, Any]:
    """Run a check of the folder that is named first, as a fresh process: what it printed.

    Raises ``SongBloomError`` where it failed; the folder is removed then.
    """
    source = str(Path(songbloom_x2.__file__).parents[1])
    paths = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    line = done.stdout.strip().rpartition("\n")[2]
    if done.returncode == 0:
        found: dict[str, Any] = json.loads(line)
        return found
    said = line or done.stderr.strip().rpartition("\n")[2]
    shutil.rmtree(arguments[0], ignore_errors=True)
    raise SongBloomError(f"{arguments[0]}: does not make the same song as the model, and was removed: {said[:300]}")
