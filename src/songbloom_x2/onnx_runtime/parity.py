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
from songbloom_x2.onnx_runtime.song import SongTask, song_blocks
from songbloom_x2.onnx_runtime.sound import SoundStream

Array = npt.NDArray[Any]
LARGEST_ERROR = 2e-3
"""Of latents (whose spread is about 1), and of samples (full scale 1) that are decoded from the same latents."""
LARGEST_DIFFERENCE = 0.01
"""Root mean square of the songs' difference against the song's own. A harmonic more or less below 11 kHz hangs on the
last bit of a latent, so that single samples of two songs may be further apart than their decoders are."""


@dataclass(frozen=True)
class Parity:
    """A song made again: what is equal and how far off the rest is."""

    frames: int
    equal_tokens: int
    latents: float
    """Largest error of the latents; infinite where the song is not as long."""
    sound: float
    """Largest error of the samples decoded from the recorded latents."""
    song: float
    """Root mean square of the songs' difference against the recorded song's; infinite as above."""
    seconds: float
    """How long the making took."""

    @property
    def exact(self) -> bool:
        """All tokens equal, and all else within rounding."""
        near = max(self.latents, self.sound) <= LARGEST_ERROR and self.song <= LARGEST_DIFFERENCE
        return self.equal_tokens == self.frames and near

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "tokens": self.frames,
            "equal_tokens": self.equal_tokens,
            "max_error_latents": self.latents,
            "max_error_sound": self.sound,
            "song_difference": self.song,
            "seconds": round(self.seconds, 2),
        }


def remake(graphs: Graphs, folder: ExportFolder) -> Parity:
    """Make the recorded song again with the recorded random numbers, and decode its recorded latents."""
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
    started = time.perf_counter()
    blocks = list(song_blocks(graphs, folder, task, RecordedDraws(recorded["uniforms"], recorded["noise"])))
    tokens = np.concatenate([np.zeros(0, np.int64), *(block.tokens for block in blocks)])
    latents = np.concatenate([recorded["latents"][:, :0], *(block.latents for block in blocks)], axis=1)
    sound = _decoded(graphs, folder, latents)
    seconds = time.perf_counter() - started
    wanted, heard = recorded["tokens"], recorded["sound"]
    same = _largest(_decoded(graphs, folder, recorded["latents"]) - heard)
    size = min(len(tokens), len(wanted))
    equal = int((tokens[:size] == wanted[:size]).sum())
    if len(tokens) != len(wanted):
        return Parity(len(wanted), equal, np.inf, same, np.inf, seconds)
    difference = float(np.sqrt(np.square(sound - heard).mean() / max(np.square(heard).mean(), 1e-12)))
    return Parity(len(wanted), equal, _largest(latents - recorded["latents"]), same, difference, seconds)


def _decoded(graphs: Graphs, folder: ExportFolder, latents: Array) -> Array:
    """The sound of latents ``[D, T]``, in windows as while a song is made."""
    stream = SoundStream(graphs, folder)
    parts = [stream.push(latents[:, first : first + 16]) for first in range(0, latents.shape[1], 16)]
    return np.concatenate([*parts, stream.flush()], axis=1)


def _largest(error: Array) -> float:
    return float(np.abs(error).max()) if error.size else np.inf
