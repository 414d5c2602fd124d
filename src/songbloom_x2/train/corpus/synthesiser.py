"""hibari, a 7.9 MB English speech synthesiser, rewired so that it sings: durations and F0 become inputs of its graph.

hibari-tts 0.2.1 (Apache-2.0, distilled from Kokoro-82M, Apache-2.0) brings the network inside its wheel. The graph is
cut where it predicts durations (``/Clip_output_0``) and pitch (``f0``); the edited graphs are kept in a cache folder.
"""

from __future__ import annotations

import importlib.resources
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.train.corpus.timing import EDGE, TimedLine
from songbloom_x2.types import FloatArray, IntArray

FRAMES_A_STEP = 2
"""80 Hz frames in one 25 ms step."""
_DURATIONS = "/Clip_output_0"
_PITCH = "f0"


@dataclass(frozen=True)
class Branches:
    """What the network says of a line, 80 Hz: log-gains ``[601, F]`` of harmonics, noise and free-phase branch."""

    harmonic: FloatArray
    noise: FloatArray
    free: FloatArray


class Synthesiser:
    """Sings timed lines, on one thread, so that results do not vary."""

    def __init__(self, cache: Path) -> None:
        """Load the network; ``cache`` is a folder for the edited graphs."""
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("making the song corpus", "train") from error
        sing, pitch = rewired(cache)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._sing = onnxruntime.InferenceSession(str(sing), options, providers=["CPUExecutionProvider"])
        self._pitch = onnxruntime.InferenceSession(str(pitch), options, providers=["CPUExecutionProvider"])
        self._ids: dict[str, int] = json.loads((_assets() / "vocab.json").read_text(encoding="utf-8"))

    def _row(self, line: TimedLine) -> tuple[IntArray, FloatArray]:
        ids: list[int] = []
        steps: list[float] = []
        for letters, count in zip(line.letters, line.steps, strict=True):
            ids.append(0 if letters == EDGE else self._ids[letters])
            steps.append(count)
        return np.asarray([ids], np.int64), np.asarray(steps, np.float32)

    def voiced(self, line: TimedLine) -> npt.NDArray[np.bool_]:
        """Where the network would voice the line, nuclei always: bool ``[F]`` at 80 Hz."""
        ids, steps = self._row(line)
        predicted = self._pitch.run(None, {"ids": ids, "dur_in": steps})[0].reshape(-1)
        nuclei = np.repeat(np.asarray(line.vowels), np.asarray(line.steps) * FRAMES_A_STEP)
        return np.asarray((predicted[: len(nuclei)] > 50) | nuclei)

    def sing(self, line: TimedLine, f0: FloatArray) -> Branches:
        """The line's log-gains for ``f0 [F]`` in Hz at 80 Hz, 0 where unvoiced."""
        ids, steps = self._row(line)
        feed = {"ids": ids, "dur_in": steps, "f0_in": f0[None].astype(np.float32)}
        wanted = {i.name for i in self._sing.get_inputs()}
        if "speed" in wanted:
            feed["speed"] = np.ones(1, np.float32)
        harmonic, noise, free = self._sing.run(["lh", "ln", "lr"], feed)
        return Branches(harmonic[0], noise[0], free[0])


def _assets() -> Path:
    try:
        found = importlib.resources.files("hibari")
    except ModuleNotFoundError as error:
        raise MissingExtraError("making the song corpus", "train") from error
    return Path(str(found)) / "assets"


def rewired(cache: Path) -> tuple[Path, Path]:
    """The edited graphs (singing, pitch), made in ``cache`` at first use."""
    sing, pitch = cache / "hibari-0.2.1-sing.onnx", cache / "hibari-0.2.1-pitch.onnx"
    if sing.exists() and pitch.exists():
        return sing, pitch
    import onnx

    model = onnx.load(str(_assets() / "hibari.onnx"))
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == _DURATIONS:
                node.input[index] = "dur_in"
            elif name == _PITCH:
                node.input[index] = "f0_in"
    graph.input.append(onnx.helper.make_tensor_value_info("dur_in", onnx.TensorProto.FLOAT, ["L"]))
    graph.input.append(onnx.helper.make_tensor_value_info("f0_in", onnx.TensorProto.FLOAT, [1, "F"]))
    extractor = onnx.utils.Extractor(model)
    cache.mkdir(parents=True, exist_ok=True)
    for path, inputs, outputs in (
        (sing, ["ids", "dur_in", "f0_in"], ["lh", "ln", "lr"]),
        (pitch, ["ids", "dur_in"], [_PITCH]),
    ):
        part = extractor.extract_model(inputs, outputs)
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_bytes(part.SerializeToString())
        partial.replace(path)
    return sing, pitch
