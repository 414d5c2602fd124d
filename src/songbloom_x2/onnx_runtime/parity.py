"""Making the recorded song of an export again, and saying how far it is from the one that torch made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.config import SamplingConfig
from songbloom_x2.onnx_runtime.draws import RecordedDraws
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.graphs import Graphs
from songbloom_x2.onnx_runtime.song import Block, SongTask, song_blocks
from songbloom_x2.onnx_runtime.sound import SoundStream

Array = npt.NDArray[Any]
LARGEST_ERROR = 2e-3
"""Of latents (whose spread is about 1) and of samples (full scale 1) after a whole song in float32."""


@dataclass(frozen=True)
class Parity:
    """A song made again: what is equal and how far off the rest is."""

    frames: int
    equal_tokens: int
    latents: float
    """Largest error of the latents; infinite where the song is not as long."""
    sound: float
    """Largest error of the samples, likewise."""
    seconds: float
    """How long the making took."""

    @property
    def exact(self) -> bool:
        """All tokens equal, and all else within rounding."""
        return self.equal_tokens == self.frames and max(self.latents, self.sound) <= LARGEST_ERROR

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "tokens": self.frames,
            "equal_tokens": self.equal_tokens,
            "max_error_latents": self.latents,
            "max_error_sound": self.sound,
            "seconds": round(self.seconds, 2),
        }


def remake(graphs: Graphs, folder: ExportFolder) -> Parity:
    """Make the recorded song again with the recorded random numbers."""
    recorded = folder.parity()
    asked = folder.described["parity"]
    style = None if asked["style"] is None else folder.style(asked["style"])
    task = SongTask(
        tuple(int(symbol) for symbol in recorded["ids"]),
        style,
        SamplingConfig(**asked["sampling"]),
        int(asked["max_frames"]),
        int(asked["min_frames"]),
    )
    stream, sound = SoundStream(graphs, folder), []
    blocks: list[Block] = []
    started = time.perf_counter()
    for block in song_blocks(graphs, folder, task, RecordedDraws(recorded["uniforms"], recorded["noise"])):
        blocks.append(block)
        sound.append(stream.push(block.latents))
    sound.append(stream.flush())
    seconds = time.perf_counter() - started
    tokens = np.concatenate([block.tokens for block in blocks]) if blocks else np.zeros(0, np.int64)
    latents = np.concatenate([block.latents for block in blocks], axis=1) if blocks else recorded["latents"][:, :0]
    wanted = recorded["tokens"]
    if len(tokens) != len(wanted):
        size = min(len(tokens), len(wanted))
        return Parity(len(wanted), int((tokens[:size] == wanted[:size]).sum()), np.inf, np.inf, seconds)
    return Parity(
        len(wanted),
        int((tokens == wanted).sum()),
        float(np.abs(latents - recorded["latents"]).max()),
        float(np.abs(np.concatenate(sound, axis=1) - recorded["sound"]).max()),
        seconds,
    )
