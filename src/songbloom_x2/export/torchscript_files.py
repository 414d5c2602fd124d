"""Graphs as TorchScript, traced; and running them by name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from songbloom_x2.errors import CheckpointError
from songbloom_x2.export.graphs import Graph
from songbloom_x2.onnx_runtime.folder import ExportFolder

Array = npt.NDArray[Any]


@torch.no_grad()
def write_torchscript(graph: Graph, folder: Path) -> list[Path]:
    """Write ``graph`` to ``NAME.pt``."""
    path = folder / f"{graph.name}.pt"
    with warnings.catch_warnings():
        # The tracer warns of shapes that become constants: those are the ones that the description names as numbers.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            graph.module, tuple(graph.inputs.values()), check_trace=False
        )
        torch.jit.save(traced, str(path))
    return [path]


class TorchScriptGraphs:
    """See ``onnx_runtime.graphs.Graphs``."""

    def __init__(self, folder: ExportFolder) -> None:
        self._files = folder.files
        self._inputs = {name: tuple(graph["inputs"]) for name, graph in folder.described["graphs"].items()}
        self._loaded: dict[str, Any] = {}

    @torch.no_grad()
    def run(self, name: str, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """See ``Graphs``. Raises ``CheckpointError`` where the file is no TorchScript."""
        if name not in self._loaded:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._loaded[name] = torch.jit.load(  # type: ignore[no-untyped-call]
                        str(self._files[name]), map_location="cpu"
                    ).eval()
            except RuntimeError as error:
                raise CheckpointError(f"{self._files[name]}: is no TorchScript; export the model again") from error
        given = [torch.from_numpy(np.ascontiguousarray(inputs[key])) for key in self._inputs[name]]
        made = self._loaded[name](*given)
        return tuple(out.numpy() for out in (made if isinstance(made, tuple) else (made,)))
