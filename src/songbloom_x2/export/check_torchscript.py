"""``python -m songbloom_x2.export.check_torchscript DIR``: the recorded song of a TorchScript export, made again.

Prints one JSON line; exit code 1 where it is not the same song.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from songbloom_x2.errors import SongBloomError
from songbloom_x2.export.torchscript_files import TorchScriptGraphs
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.parity import remake


def main(arguments: list[str]) -> int:
    """Check the folder named in ``arguments``; 0 where all is well."""
    folder = ExportFolder.open(Path(arguments[0]), check=True)
    parity = remake(TorchScriptGraphs(folder), folder)
    print(json.dumps({**parity.to_json(), "ok": parity.exact}))
    return 0 if parity.exact else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SongBloomError as error:
        sys.exit(f"songbloom: {error}")
