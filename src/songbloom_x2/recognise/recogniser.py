"""From a recording to the sketch of a song: which phoneme is sung at which pitch, over which chord, on which beat.

The embedded model's sketch is exact only for songs that it made or that the corpus made; for foreign sound this small
network hears it. Works on a whole mixture. The released models' sketch tokens are another thing and cannot be had.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.config import SketchLayout
from songbloom_x2.errors import CheckpointError
from songbloom_x2.recognise.features import RATE, features
from songbloom_x2.recognise.network import RecogniserConfig, RecogniserNetwork
from songbloom_x2.types import FloatArray, IntArray, Waveform

_KEY = "recogniser"
SHORTEST_RUN = 2
"""Frames: sung runs that are shorter are taken for their neighbours'."""


@dataclass(frozen=True)
class RecognisedSketch:
    """What was heard, a frame every 40 ms from the first sample on; all ``[T]``.

    ``tokens`` int64 as ``SketchLayout`` counts them; ``confidence`` from 0 to 1: the probability of the token's parts
    together. ``phoneme`` (last index: nobody sings), ``pitch`` (the same), ``chord`` and ``beat`` are the parts, which
    are heard at every frame.
    """

    tokens: IntArray
    confidence: FloatArray
    phoneme: IntArray
    pitch: IntArray
    chord: IntArray
    beat: IntArray


class SketchRecogniser:
    """A trained network, ready to listen."""

    def __init__(self, network: RecogniserNetwork) -> None:
        self.network = network.eval().requires_grad_(False)
        self.layout = network.config.layout

    @torch.inference_mode()
    def __call__(self, waveform: Waveform) -> RecognisedSketch:
        """Sketch of a recording of any rate and number of channels; ``T`` is its length in frames, rounded up."""
        mono = resample(to_mono(waveform), RATE).samples[0]
        return self.from_features(features(torch.from_numpy(np.ascontiguousarray(mono))))

    @torch.inference_mode()
    def chances(self, waveform: Waveform) -> dict[str, FloatArray]:
        """Probabilities ``[T, classes]`` of every part of a token, by its name (``RecogniserConfig.heads``)."""
        mono = resample(to_mono(waveform), RATE).samples[0]
        rows = features(torch.from_numpy(np.ascontiguousarray(mono)))
        return {name: torch.softmax(logits[0], -1).numpy() for name, logits in self.network(rows[None]).items()}

    @torch.inference_mode()
    def from_features(self, rows: Tensor) -> RecognisedSketch:
        """The same from feature rows ``[T, SIZE]`` (see ``features``)."""
        layout = self.layout
        chances = {name: torch.softmax(logits[0], -1) for name, logits in self.network(rows[None]).items()}
        none, silent = len(layout.phonemes), layout.pitches
        sung_chance = 1 - (chances["phoneme"][:, none] + chances["pitch"][:, silent]) / 2
        sings = _smoothed(sung_chance > 0.5)
        phoneme = torch.where(sings, chances["phoneme"][:, :none].argmax(-1), none)
        pitch = torch.where(sings, chances["pitch"][:, :silent].argmax(-1), silent)
        chord, beat = chances["chord"].argmax(-1), chances["beat"].argmax(-1)
        tokens = torch.where(sings, phoneme * layout.pitches + pitch, layout.sung + chord * layout.beats + beat)

        def chance(name: str, chosen: Tensor) -> Tensor:
            return chances[name].gather(1, chosen[:, None])[:, 0]

        sung = chance("phoneme", phoneme) * chance("pitch", pitch)
        confidence = torch.where(sings, sung, (1 - sung_chance) * chance("chord", chord) * chance("beat", beat))
        parts = (part.numpy() for part in (tokens, confidence, phoneme, pitch, chord, beat))
        return RecognisedSketch(*parts)


def _smoothed(sings: Tensor) -> Tensor:
    """Runs shorter than ``SHORTEST_RUN`` frames take the value around them: bool ``[T]``."""
    values = sings.clone()
    edges = torch.cat([torch.tensor([0]), (values[1:] != values[:-1]).nonzero()[:, 0] + 1, torch.tensor([len(values)])])
    for start, end in zip(edges[1:-1].tolist(), edges[2:].tolist(), strict=True):
        if end - start < SHORTEST_RUN and end < len(values):
            values[start:end] = values[start - 1]
    return values


def shipped_recogniser() -> Path:
    """Where the recogniser that comes with the embedded model lies."""
    return Path(str(files("songbloom_x2"))) / "assets" / "embedded" / "recogniser.safetensors"


def save_recogniser(network: RecogniserNetwork, path: Path, source: str = "") -> None:
    """Write the weights as float16 with the shape beside them, whole or not at all."""
    config = {"config": asdict(network.config), "source": source}
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(tensors, metadata={_KEY: json.dumps(config)}))


def load_recogniser(path: Path | None = None) -> SketchRecogniser:
    """Load a recogniser (none: the one that is shipped). Raises ``CheckpointError`` where the file is not one."""
    file_path = path or shipped_recogniser()
    try:
        with safe_open(file_path, framework="pt") as file:
            described = json.loads((file.metadata() or {})[_KEY])["config"]
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
        layout = SketchLayout(**{**described["layout"], "phonemes": tuple(described["layout"]["phonemes"])})
        network = RecogniserNetwork(
            RecogniserConfig(**{**described, "layout": layout, "dilations": tuple(described["dilations"])})
        )
        network.load_state_dict(tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:80]
        raise CheckpointError(
            f"{file_path}: not a sketch recogniser ({reason}): train one with songbloom train tokenizer"
        ) from None
    return SketchRecogniser(network)
