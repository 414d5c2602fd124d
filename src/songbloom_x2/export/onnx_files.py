"""Graphs as ONNX files through torch's exporter, and the same with 8-bit weights."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.export.graphs import Graph

OPSET = 18
EXTERNAL_BYTES = 256 << 20
"""Weights from this size on lie in a file of their own beside the graph: one file of protobuf may have 2 GB at most."""


def write_onnx(graph: Graph, folder: Path, *, external_bytes: int = EXTERNAL_BYTES) -> list[Path]:
    """Write ``graph`` to ``NAME.onnx`` (and ``NAME.onnx.data`` where it is large), with the axes' lengths left open.

    Raises ``MissingExtraError`` where the exporter's packages are not installed.
    """
    refuse_missing()
    path = folder / f"{graph.name}.onnx"
    shapes = {name: dict.fromkeys(graph.axes.get(name, {}), torch.export.Dim.DYNAMIC) for name in graph.inputs}
    with _quiet(), torch.no_grad():
        program = torch.export.export(graph.module, (), dict(graph.inputs), dynamic_shapes=shapes)
        table = _decompositions()
        if any(node.target in table for node in program.graph.nodes):
            program = program.run_decompositions(table)
        exported = torch.onnx.export(
            program,
            (),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            verbose=False,
        )
        assert exported is not None
        size = sum(tensor.nbytes for tensor in (*graph.module.parameters(), *graph.module.buffers()))
        exported.save(path, external_data=size >= external_bytes)
    data = path.with_name(path.name + ".data")
    return [path, data] if data.exists() else [path]


def quantise(source: Path, target: Path) -> None:
    """Write ``source`` with the weights of its matrix products in 8 bits, whole rows sharing a scale, to ``target``."""
    refuse_missing()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def refuse_missing() -> None:
    """Raise ``MissingExtraError`` where a package of the extra is not installed."""
    try:
        import onnx  # noqa: F401 - only whether they are there
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise MissingExtraError("exporting to ONNX", "export") from None


def _decompositions() -> dict[Any, Callable[..., Any]]:
    """What ONNX has no operator for, in terms of what it has."""
    return {torch.ops.aten.cummax.default: _running_largest, torch.ops.aten.cummin.default: _running_smallest}


def _running_largest(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Values of ``torch.cummax``; its indices are used nowhere and stand for the values again."""
    moved = x.movedim(dim, -1)
    place = torch.arange(moved.shape[-1], device=x.device)
    least = -torch.inf if x.dtype.is_floating_point else torch.iinfo(x.dtype).min
    values = torch.where(place[None] <= place[:, None], moved.unsqueeze(-2), least).amax(-1).movedim(-1, dim)
    return values, values


def _running_smallest(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    values, _ = _running_largest(-x, dim)
    return -values, -values


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's talk about itself; what is wrong with a graph is found by running it."""
    names = ("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir", "root")
    loggers = [logging.getLogger(None if name == "root" else name) for name in names]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
