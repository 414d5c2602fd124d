"""Latents to sound while they are made: windows with context on both sides, equal to decoding the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from songbloom_x2.config import OobleckConfig
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.graphs import Graphs

Array = npt.NDArray[Any]
FRAMES = 128
"""Latent frames decoded at a time: the overlap costs less then."""


class SoundStream:
    """Takes latents of one song bit by bit."""

    def __init__(self, graphs: Graphs, folder: ExportFolder, frames: int = FRAMES) -> None:
        """``frames``: how many are gathered before they are decoded; memory grows with it."""
        self._graphs, self._phased, self._frames = graphs, folder.phased, frames
        self._left, self._right = folder.context
        self._hop, codec = folder.config.samples_per_frame, folder.config.codec
        self._channels = codec.audio_channels if isinstance(codec, OobleckConfig) else 2
        alignment = folder.config.alignment
        # The sketch runs ahead of the latents: what they hold before the song begins is not heard.
        self._unheard = 0 if alignment is None else alignment.lead * self._hop
        self._held = np.zeros((folder.config.latent_dim, 0), np.float32)
        self._first = 0
        """Which frame of the song is the first of those held."""
        self._given = 0
        self._phase = np.zeros(1)

    def push(self, latents: Array) -> Array:
        """Take ``[D, t]`` more; give the sound ``[C, n]`` that became certain (``n`` may be 0)."""
        self._held = np.concatenate([self._held, latents], axis=1)
        return self._give(keep=self._right, least=self._frames)

    def flush(self) -> Array:
        """No more will come: the rest of the sound."""
        return self._give(keep=0, least=1)

    def _give(self, keep: int, least: int) -> Array:
        parts = []
        while (ready := self._first + self._held.shape[1] - keep - self._given) >= least:
            until = self._given + min(ready, self._frames)
            parts.append(self._window(until))
            unheard = min(self._unheard, parts[-1].shape[1])
            self._unheard -= unheard
            parts[-1] = parts[-1][:, unheard:]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self._channels, 0), np.float32)

    def _window(self, until: int) -> Array:
        """The sound of the frames up to ``until``; drops what is not needed any more."""
        window = self._held[:, : until + self._right - self._first]
        inputs = {"latents": np.ascontiguousarray(window[None])}
        if self._phased:
            sound, phases = self._graphs.run(
                "decode", {**inputs, "first": np.asarray([self._first]), "phase": self._phase}
            )
        else:
            (sound,) = self._graphs.run("decode", inputs)
        given = sound[0, :, (self._given - self._first) * self._hop : (until - self._first) * self._hop]
        kept = max(until - self._left, 0)
        dropped = max(kept - self._first, 0)
        if self._phased:
            self._phase = phases[:, dropped * (phases.shape[1] // window.shape[1])]
        self._held, self._first, self._given = self._held[:, dropped:], self._first + dropped, until
        return np.asarray(given, np.float32)
