"""Running the graphs of an export by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from songbloom_x2.errors import CheckpointError, MissingExtraError

Array = npt.NDArray[Any]


class Graphs(Protocol):
    """Whatever runs the exported functions."""

    def run(self, name: str, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """The outputs of the graph ``name``, in their order."""
        ...


class OnnxGraphs:
    """Graphs of one folder through onnxruntime; a graph is opened when it is first run."""

    def __init__(self, files: Mapping[str, Path], threads: int | None = None) -> None:
        """``files`` by graph; ``threads``: none takes what onnxruntime does by itself.

        Raises ``MissingExtraError`` where onnxruntime is not installed.
        """
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtraError("running exported models", "export") from None
        self._runtime = onnxruntime
        self._files, self._sessions = dict(files), dict[str, Any]()
        self._options = onnxruntime.SessionOptions()
        if threads is not None:
            self._options.intra_op_num_threads = threads

    @property
    def description(self) -> dict[str, Any]:
        """What a manifest says about it."""
        return {
            "backend": "onnxruntime",
            "version": self._runtime.__version__,
            "device": "cpu",
            "threads": self._options.intra_op_num_threads or None,
        }

    def run(self, name: str, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """See ``Graphs``. Raises ``CheckpointError`` where the file is no graph."""
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = self._open(name)
        # What a configuration does not use is no input of its graph.
        wanted = {node.name: inputs[node.name] for node in session.get_inputs()}
        return tuple(session.run(None, wanted))

    def _open(self, name: str) -> Any:
        path = self._files[name]
        try:
            return self._runtime.InferenceSession(str(path), self._options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # Its exceptions share no base class; the first line says what is wrong with the file.
            reason = str(error).partition("\n")[0][:200]
            raise CheckpointError(f"{path}: onnxruntime cannot open it: {reason}; export the model again") from error


def finite(name: str, array: Array) -> Array:
    """``array``, or ``CheckpointError`` where the graph ``name`` gave numbers that are none."""
    if not np.isfinite(array).all():
        raise CheckpointError(f"graph '{name}' gave numbers that are not finite: export the model again")
    return array
