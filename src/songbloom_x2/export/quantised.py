"""An ONNX export with 8-bit weights: smaller, and as good as its graphs say on inputs recorded in a song."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.export.onnx_files import quantise
from songbloom_x2.onnx_runtime.check import PROBES
from songbloom_x2.onnx_runtime.folder import DESCRIPTION, ExportFolder, sha256
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.parity import remake

Array = npt.NDArray[Any]
QUANTISED = ("lm", "logits", "velocity", "render", "embed_block")
"""Graphs that are mostly matrix products. The codec stays as it is: what is lost in it is heard."""
_PROBED_CALL = 40
"""Which run of a graph is recorded: the cache holds something by then."""


class _Recorder:
    """Graphs that keep one call of each that will be quantised."""

    def __init__(self, graphs: OnnxGraphs) -> None:
        self._graphs = graphs
        self._calls: dict[str, int] = {}
        self.probes: dict[str, Array] = {}

    def run(self, name: str, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """See ``onnx_runtime.graphs.Graphs``."""
        outputs = self._graphs.run(name, inputs)
        call = self._calls[name] = self._calls.get(name, 0) + 1
        if name in QUANTISED and call in (1, _PROBED_CALL):
            self.probes |= {f"{name}/in/{key}": value.copy() for key, value in inputs.items()}
            self.probes[f"{name}/out"] = outputs[0].copy()
        return outputs


def quantise_export(folder: Path) -> None:
    """Turn the ONNX export in ``folder``, still being written, into one with 8-bit weights."""
    export = ExportFolder.open(folder)
    recorder = _Recorder(OnnxGraphs(export.files))
    remake(recorder, export)
    np.savez_compressed(folder / PROBES, **recorder.probes)  # type: ignore[arg-type]
    described = {**export.described, "kind": "int8", "graphs": dict(export.described["graphs"])}
    for name in QUANTISED:
        if name not in export.files:
            continue
        path = export.files[name]
        small = path.with_name(f"{name}.int8.onnx")
        quantise(path, small)
        for old in export.described["graphs"][name]["files"]:
            (folder / old).unlink()
        files = [small, *folder.glob(f"{small.name}.data")]
        described["graphs"][name] = {
            **described["graphs"][name],
            "file": small.name,
            "files": {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in files},
        }
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")
