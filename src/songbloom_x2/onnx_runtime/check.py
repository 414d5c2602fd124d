"""``python -m songbloom_x2.onnx_runtime.check DIR``: the recorded song of an ONNX export, made again without torch.

Prints one JSON line; exit code 1 where it is not the same song, or where torch was loaded on the way.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from songbloom_x2.errors import SongBloomError
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.parity import remake

PROBES = "probes.npz"
LARGEST_QUANTISED_ERROR = 0.15
"""Root mean square of what 8-bit weights change in a graph's output, against that output's own."""


def probed(graphs: OnnxGraphs, folder: ExportFolder) -> dict[str, float]:
    """How far the graphs with 8-bit weights are from those of full precision, on inputs recorded in a song."""
    with np.load(folder.folder / PROBES, allow_pickle=False) as recorded:
        probes = {name: recorded[name] for name in recorded.files}
    errors = {}
    for name in sorted({key.partition("/")[0] for key in probes}):
        inputs = {key.split("/")[2]: value for key, value in probes.items() if key.startswith(f"{name}/in/")}
        wanted = probes[f"{name}/out"]
        got = graphs.run(name, inputs)[0]
        errors[name] = float(np.sqrt(np.square(got - wanted).mean() / max(np.square(wanted).mean(), 1e-12)))
    return errors


def main(arguments: list[str]) -> int:
    """Check the folder named in ``arguments``; 0 where all is well."""
    folder = ExportFolder.open(Path(arguments[0]), check=True)
    graphs = OnnxGraphs(folder.files)
    parity = remake(graphs, folder)
    report = parity.to_json()
    if folder.kind == "int8":
        report["relative_errors"] = probed(graphs, folder)
        ok = max(report["relative_errors"].values()) <= LARGEST_QUANTISED_ERROR
    else:
        ok = parity.exact
    report["torch_loaded"] = "torch" in sys.modules
    report["ok"] = ok = ok and not report["torch_loaded"]
    print(json.dumps(report))
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SongBloomError as error:
        sys.exit(f"songbloom: {error}")
