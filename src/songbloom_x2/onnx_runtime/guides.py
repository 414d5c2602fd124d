"""How one song's tokens are chosen: by the alignment's graphs (embedded model), or from logits (released models)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from songbloom_x2.conditioning.lyric_walk import lyric_walk
from songbloom_x2.conditioning.vocal_range import vocal_range
from songbloom_x2.config import AlignmentConfig, SamplingConfig, SongConfig, TwoStemConfig
from songbloom_x2.onnx_runtime.folder import ExportFolder, GraphStyle
from songbloom_x2.onnx_runtime.graphs import Graphs
from songbloom_x2.onnx_runtime.tokens import draw_token, penalised

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Told:
    """What the DiT is told about a block: ``row [1, dim]``, ``rows [1, n, dim]`` (``diffusion.RenderCondition``).

    ``known`` and ``expected [1, block, D]`` are NaN where they say nothing; the result is drawn by ``share`` towards
    what is expected.
    """

    row: Array
    rows: Array
    known: Array | None = None
    expected: Array | None = None
    share: float = 0.0

    def settled(self, latents: Array) -> Array:
        """The DiT's ``latents`` with what is expected and known."""
        if self.expected is not None and self.share:
            drawn = latents + (self.expected - latents) * np.float32(self.share)
            latents = np.where(np.isnan(self.expected), latents, drawn)
        if self.known is not None:
            latents = np.where(np.isnan(self.known), latents, self.known)
        return np.asarray(latents, np.float32)


class Guide(Protocol):
    """Chooses tokens for one song, and says what the DiT is told."""

    uniforms: int

    def rows(self) -> Array | None:
        """What is added to the conditional branch's next LM input, ``[1, dim]``, or none."""
        ...

    def choose(self, hidden: Array, uniforms: Array, may_end: bool) -> int:
        """The next token from hidden states ``[R, dim]`` (conditional first) and random numbers."""
        ...

    def render(self, hidden: Array, tokens: Sequence[int]) -> Told:
        """For a block; ``hidden [1, dim]`` is the LM's state after its ``tokens``."""
        ...


class FreeGuide:
    """The released way: guidance, penalty and a draw over the LM's logits."""

    uniforms = 1

    def __init__(self, graphs: Graphs, config: SongConfig, sampling: SamplingConfig) -> None:
        self._graphs, self._config, self._sampling = graphs, config, sampling
        self._window = sampling.penalty_window if sampling.penalty_repeat else 0
        self._recent = [config.num_pitch] * self._window
        self._frames = 0

    def rows(self) -> Array | None:
        """Nothing."""
        return None

    def choose(self, hidden: Array, uniforms: Array, may_end: bool) -> int:
        """See ``Guide``."""
        sampling = self._sampling
        if len(hidden) > 1 and sampling.cfg_lm != 1:
            conditional, unconditional = self._graphs.run("logits", {"input": hidden})[0]
            logits = unconditional + (conditional - unconditional) * np.float32(sampling.cfg_lm)
        else:
            logits = self._graphs.run("logits", {"input": hidden[:1]})[0][0]
        if self._window and self._frames >= self._config.block_size:
            logits = penalised(logits, np.asarray(self._recent), sampling.penalty)
        if not may_end:
            logits = np.where(np.arange(len(logits)) == self._config.num_pitch, -np.inf, logits)
        token = draw_token(logits, float(uniforms[0]), sampling)
        if self._window:
            self._recent = [*self._recent[1:], token]
        self._frames += 1
        return token

    def render(self, hidden: Array, tokens: Sequence[int]) -> Told:
        """The hidden state itself, and the tokens' embeddings."""
        rows = self._graphs.run("embed", {"input": np.asarray(tokens, np.int64)})[0]
        return Told(hidden, rows[None])


class AlignedGuide:
    """The embedded model's: state and draws run inside its graphs."""

    uniforms = 3

    def __init__(
        self,
        graphs: Graphs,
        folder: ExportFolder,
        ids: Sequence[int],
        style: GraphStyle | None,
        sampling: SamplingConfig,
    ) -> None:
        config, alignment = folder.config, folder.config.alignment
        assert alignment is not None and isinstance(config.codec, TwoStemConfig)
        self._graphs = graphs
        walk = lyric_walk(ids, config.lyrics, alignment)
        none = [0] if not walk.classes else []
        self._score: dict[str, Array] = {
            "classes": np.asarray([[*walk.classes, *none]], np.int64),
            "gap": np.asarray([[*walk.gap, *none]], np.int64),
            "left": np.asarray([[*walk.left, *none]], np.int64),
            "count": np.asarray([len(walk.classes)], np.int64),
        }
        tempo = style.tempo if style is not None and style.tempo is not None else folder.described["default_tempo"]
        key = style.key if style is not None and style.key is not None else alignment.layout.chords
        self._tempo = np.asarray([tempo], np.float32)
        self._key = np.asarray([key], np.int64)
        self._statistics = prompt_statistics(None if style is None else style.latents, config.codec)[None]
        lowest, highest = vocal_range(self._statistics[0].tolist(), config.codec, alignment.layout)
        self._range = {"lowest": np.asarray([lowest], np.int64), "highest": np.asarray([highest], np.int64)}
        self._state, self._window = _start(alignment)
        self._share = alignment.voice_from_prior
        temperature = sampling.temperature if sampling.use_sampling else 0.0
        self._temperature = np.asarray([temperature], np.float32)

    def rows(self) -> Array | None:
        """See ``Guide``."""
        profile: dict[str, Array] = {"tempo": self._tempo, "key": self._key, "statistics": self._statistics}
        return self._graphs.run("guide_rows", {"state": self._state, **self._score, **profile})[0]

    def choose(self, hidden: Array, uniforms: Array, may_end: bool) -> int:
        """See ``Guide``."""
        inputs = {
            "hidden": hidden[:1],
            "state": self._state,
            "window": self._window,
            "uniforms": uniforms[None],
            "may_end": np.asarray([may_end]),
            "temperature": self._temperature,
            **self._score,
            "tempo": self._tempo,
            **self._range,
        }
        token, self._state, self._window = self._graphs.run("guide_choose", inputs)
        return int(token[0])

    def render(self, hidden: Array, tokens: Sequence[int]) -> Told:
        """From the alignment's window and the style prompt."""
        inputs = {"window": self._window, "statistics": self._statistics, "state": self._state}
        row, rows, known, expected = self._graphs.run("render", inputs)
        return Told(row, rows, known, expected, self._share)


def prompt_statistics(latents: Array | None, codec: TwoStemConfig) -> Array:
    """Mean and spread of a prompt ``[D, T]``, the voice's over its voiced frames only: float32 ``[2 D]``.

    Zeros where there is no prompt, or no voice in it (``conditioning.prior.prompt_statistics``).
    """
    voice_dim, first = codec.voice_dim, codec.voice_components
    if latents is None:
        return np.zeros(2 * codec.latent_dim, np.float32)
    voice, band = latents[:voice_dim], latents[voice_dim:]
    voiced = latents[first : first + codec.sub_frames].mean(0) > 0
    if voiced.sum() < 2:
        voice_part = np.zeros(2 * voice_dim, np.float32)
    else:
        chosen = voice[:, voiced]
        voice_part = np.concatenate([chosen.mean(1), chosen.std(1, ddof=1)])
    spread = band.std(1, ddof=1) if band.shape[1] > 1 else np.zeros_like(band[:, 0])
    return np.concatenate([voice_part, band.mean(1), spread]).astype(np.float32)


def _start(config: AlignmentConfig) -> tuple[Array, Array]:
    """The state ``[1, 7]`` and the window ``[1, context, columns]`` before the first frame."""
    layout = config.layout
    none = len(layout.phonemes)
    state = [none, layout.pitches, 0, 0, 0, layout.chords, layout.chords]
    outside = [none, layout.pitches, 0, none + 1, none + 1, none + 1, 0, layout.chords, 0, 0]
    return np.asarray([state], np.int64), np.asarray([[outside] * config.context], np.int64)
