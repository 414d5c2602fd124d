"""The song that an export is held against: made by torch, its random numbers written down."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from songbloom_x2.checkpoints.load import LoadedModel
from songbloom_x2.config import FRAME_RATE, SamplingConfig
from songbloom_x2.engine import Generation
from songbloom_x2.engine import SongTask as EngineTask
from songbloom_x2.errors import ConfigError
from songbloom_x2.onnx_runtime.draws import SeededDraws
from songbloom_x2.style_prompts import named_styles
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.types import Style

Array = npt.NDArray[Any]
LYRICS = "[verse]\nCity lights are calling me home,\nand the night is warm and wide."


@dataclass(frozen=True)
class Reference:
    """A song: what was asked, what was drawn, what came out (see ``ExportFolder.parity``)."""

    arrays: dict[str, Array]
    style: str | None
    sampling: SamplingConfig
    max_frames: int
    min_frames: int

    def to_json(self) -> dict[str, Any]:
        """What the export says about it."""
        sampling = dataclasses.asdict(self.sampling)
        limits = {"max_frames": self.max_frames, "min_frames": self.min_frames}
        return {"style": self.style, "sampling": sampling, **limits}


class _WrittenDraws:
    """Numpy's draws as tensors, written down."""

    def __init__(self, seed: int) -> None:
        self._draws = SeededDraws(seed)
        self.drawn: list[Array] = []
        self.made: list[Array] = []

    def uniforms(self, frames: int, count: int) -> Tensor:
        """See ``engine.Draws``."""
        self.drawn.append(self._draws.uniforms(frames, count))
        return torch.from_numpy(self.drawn[-1])

    def noise(self, frames: int, width: int) -> Tensor:
        """See ``engine.Draws``."""
        self.made.append(self._draws.noise(frames, width))
        return torch.from_numpy(self.made[-1])

    def state(self) -> Tensor:
        """Nothing: such a song is not resumed."""
        return torch.zeros(0, dtype=torch.uint8)


@torch.no_grad()
def reference_song(loaded: LoadedModel, *, seconds: float = 10.0, seed: int = 0, lyrics: str = LYRICS) -> Reference:
    """A song of at most ``seconds`` in the model's own settings, not ended before the half of them.

    Raises ``ConfigError`` where the model cannot make a song that short or long.
    """
    model, config = loaded.model, loaded.config
    prepared = prepare_lyrics(lyrics, config.lyrics, instrumental_seconds=config.instrumental_seconds)
    styles = named_styles(loaded.extra, loaded.style_tags)
    style: Style | None = next(iter(styles.values()), None)
    shortest, longest = config.block_size / FRAME_RATE, config.max_frames / FRAME_RATE
    if not shortest <= seconds <= longest:
        raise ConfigError(
            f"a song of {seconds:g} s: the model '{config.name}' makes from {shortest:g} to {longest:g} s"
        )
    limit = int(seconds * FRAME_RATE) // config.block_size * config.block_size
    least = limit // 2
    draws = _WrittenDraws(seed)
    task = EngineTask(model.condition(prepared.ids, style), 0, limit, least, draws=draws)
    generation = Generation(model.steps(), [task], config.sampling)
    blocks = list(generation.blocks())
    tokens = torch.cat([block.tokens for block in blocks])
    latents = torch.cat([block.latents for block in blocks], dim=1).float()
    assert model.codec is not None
    unheard = 0 if config.alignment is None else config.alignment.lead * config.samples_per_frame
    sound = model.codec.decode(latents[None])[0, :, unheard:]
    arrays = {
        "ids": np.asarray(prepared.ids, np.int64),
        "uniforms": np.concatenate(draws.drawn),
        "noise": np.concatenate(draws.made),
        "tokens": tokens.numpy(),
        "latents": latents.numpy(),
        "sound": sound.numpy(),
    }
    return Reference(arrays, None if style is None else style.name, config.sampling, limit, least)
